"""Bluesky plans of hitline; other packages add theirs by entry points in the group hitline.plans."""

from .count import hit_count
from .named import named, names
from .progress import Point, Progress

__all__ = ["Point", "Progress", "hit_count", "named", "names"]
