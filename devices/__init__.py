"""ophyd devices of a station, clients of PVs only. Nothing is imported or connected before use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis import HitAnalysis
    from .detector import HitDetector
    from .katherine import KatherineDetector
    from .make import Devices, make_devices
    from .motor import Motor
    from .run import Run

__all__ = ["Devices", "HitAnalysis", "HitDetector", "KatherineDetector", "Motor", "Run", "make_devices"]

_HOME = {
    "HitAnalysis": "analysis",
    "HitDetector": "detector",
    "KatherineDetector": "katherine",
    "Motor": "motor",
    "Run": "run",
    "Devices": "make",
    "make_devices": "make",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
