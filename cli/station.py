"""Which station a command is about: the argument, $HITLINE_STATION, or ./station.toml."""

import argparse
import os
from pathlib import Path

from hitline.bus.station import Station, load

VARIABLE = "HITLINE_STATION"
USUAL = "station.toml"


def add_station(parser: argparse.ArgumentParser, *, option: bool = False) -> None:
    """Declare the station file, as the only positional argument or as the option -s."""
    text = f"station file (default: ${VARIABLE}, else ./{USUAL})"
    if option:
        parser.add_argument("-s", "--station", type=Path, metavar="FILE", help=text)
    else:
        parser.add_argument("station", type=Path, nargs="?", metavar="STATION", help=text)


def station_file(args: argparse.Namespace) -> Path:
    """Give the path of the station file; FileNotFoundError says how to name one."""
    if args.station:
        return Path(args.station)
    path = Path(os.environ.get(VARIABLE) or USUAL)
    if not path.exists():
        raise FileNotFoundError(f"no station file {path}: name one, set {VARIABLE}, or go to its folder")
    return path


def station_of(args: argparse.Namespace) -> Station:
    """Load the station without its instruments' options: for those who only want to talk to it."""
    return load(station_file(args), options_of=())
