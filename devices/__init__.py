"""Ophyd devices; they know PVs only."""
