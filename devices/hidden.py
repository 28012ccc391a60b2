"""Devices without the PVs that a site has hidden: an overlay may take out what no device needs."""

import contextlib
from collections.abc import Container

from hitline.bus.station import Station
from hitline.db.error import DbError
from hitline.db.records import removed
from ophyd import Component, Device, Kind

from .tables import specialise

NEEDED = frozenset(
    ("acquire", "acquire_time", "acquiring", "cmd_stop", "condition", "log_folder", "exposure", "run")
)
"""Parts that no device can do without, whatever their kind; if hidden, connecting misses them by name."""


def hidden(station: Station) -> frozenset[str]:
    """Names of the records that the overlays take out; what is wrong with a file is the face's to tell."""
    names: set[str] = set()
    for overlay in station.ca.overlays if station.ca else ():
        with contextlib.suppress(DbError):
            names |= removed(overlay, {"P": station.prefix})
    return frozenset(names)


def shown(cls: type[Device], prefix: str, gone: Container[str]) -> type[Device]:
    """Derive a class without the parts whose PVs are gone; what is read in every event stays."""
    absent = [
        name
        for name, part in cls._sig_attrs.items()
        if part.suffix
        and (f"{prefix}{part.suffix}" in gone or f"{prefix}{part.suffix}_RBV" in gone)
        and spare(name, part)
    ]
    return specialise(cls, "shown", {}, absent) if absent else cls


def spare(name: str, part: Component) -> bool:
    """Say whether a device works without this part."""
    return name not in NEEDED and not part.kind & Kind.normal
