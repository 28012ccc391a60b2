"""Emulated stepper controllers of Phytron."""
