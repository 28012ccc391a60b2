"""Phytron phyMOTION and MCC."""
