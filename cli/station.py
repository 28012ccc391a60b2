"""Which station a command is about: the argument, $HITLINE_STATION, or ./station.toml."""

import argparse
import os
from pathlib import Path

from hitline.bus.station import Station, load

VARIABLE = "HITLINE_STATION"
USUAL = "station.toml"


def add_station(parser: argparse.ArgumentParser, *, option: bool = False) -> None:
    """Declare the station file as the option -s; unless `option`, also as the only positional argument."""
    text = f"station file (default: ${VARIABLE}, else ./{USUAL})"
    parser.add_argument("-s", "--station", dest="named", type=Path, metavar="FILE", help=text)
    if not option:
        parser.add_argument("station", type=Path, nargs="?", metavar="STATION", help="the same")


def station_file(args: argparse.Namespace) -> Path:
    """Give the path of the station file; FileNotFoundError says how to name one."""
    if given := args.named or getattr(args, "station", None):
        return Path(given)
    path = Path(os.environ.get(VARIABLE) or USUAL)
    if not path.exists():
        raise FileNotFoundError(f"no station file {path}: name one, set {VARIABLE}, or go to its folder")
    return path


def station_of(args: argparse.Namespace) -> Station:
    """Load the station without its instruments' options: for those who only want to talk to it."""
    return load(station_file(args), options_of=())
