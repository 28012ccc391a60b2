"""Bytes to objects per instrument: no sockets, no clock."""
