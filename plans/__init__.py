"""Bluesky plans of hitline; other packages add theirs by entry points in the group hitline.plans."""

from .align import align
from .bias import bias_scan
from .count import hit_count
from .curve import Curve
from .dac import dac_scan
from .exposure import keep_stopped
from .fly_image import FlyRaster
from .fly_raster import fly_raster
from .named import named, names
from .progress import Point, Progress
from .quantity import Quantity
from .raster import raster
from .raster_image import Raster, Spot
from .threshold import threshold_scan

__all__ = [
    "Curve",
    "FlyRaster",
    "Point",
    "Progress",
    "Quantity",
    "Raster",
    "Spot",
    "align",
    "bias_scan",
    "dac_scan",
    "fly_raster",
    "hit_count",
    "keep_stopped",
    "named",
    "names",
    "raster",
    "threshold_scan",
]
