"""Bluesky plans."""
