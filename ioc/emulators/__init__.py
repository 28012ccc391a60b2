"""Emulated instruments, shipped as products; faults are arguments."""
