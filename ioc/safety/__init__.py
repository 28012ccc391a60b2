"""Ramps, interlocks, leases and limits as pure decisions on an injected clock."""
