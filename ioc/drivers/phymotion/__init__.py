"""Phytron phyMOTION."""
