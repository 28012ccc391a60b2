"""Bluesky plans of hitline; other packages add theirs by entry points in the group hitline.plans."""

from .bias import bias_scan
from .count import hit_count
from .curve import Curve
from .dac import dac_scan
from .named import named, names
from .progress import Point, Progress
from .quantity import Quantity
from .threshold import threshold_scan

__all__ = [
    "Curve",
    "Point",
    "Progress",
    "Quantity",
    "bias_scan",
    "dac_scan",
    "hit_count",
    "named",
    "names",
    "threshold_scan",
]
