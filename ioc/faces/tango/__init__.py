"""The Tango face."""
