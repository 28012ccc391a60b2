"""Operator screens, clients of PVs only."""
