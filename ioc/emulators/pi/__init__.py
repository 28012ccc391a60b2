"""Emulated controllers of PI."""
