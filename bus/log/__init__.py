"""The run log: hits are written before they are shared."""
