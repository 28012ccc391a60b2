"""Where a station runs: computer and file. In a copy of its folder the same names mean the other one."""

import socket
import sys

from .attribute import Refused
from .station import Station


def home(station: Station) -> tuple[str, str]:
    """Give computer and file of a station that is started here, as its supervisor shows them."""
    return socket.gethostname(), str(station.file.resolve())


def meet(station: Station, host: str, file: str) -> None:
    """Hold the place of a station that was found against the file that it was looked for with.

    Refused where it was started on this computer from another file. A control room has a copy of the file of
    a station that runs elsewhere: it is told, once, where that is.
    """
    here, ours = home(station)
    if host and host != here:
        sys.stderr.write(f"station {station.name!r} runs on {host}, from {file}\n")
    elif file and file != ours:
        raise Refused(
            "state",
            f"the station {station.name!r} that runs here is that of {file}, not of {ours}: name that file, "
            "or give one of the two another name",
        )
