"""`hitline get`: read values of an instrument."""

import argparse
import json

from hitline.bus.attribute import Refused

from . import show
from .reach import reached
from .station import add_station, station_of

HELP = """Read values of an instrument

Asks the instrument itself, over the bus. Without an attribute, everything it has.

examples:
  hitline get det1                       all values of det1, with unit and severity
  hitline get det1 acquire_time          one value
  hitline get run run_state run_id       two values
  hitline get ana1 image --json          an array as JSON
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("instrument", help="name in the station file; also run, station")
    parser.add_argument("attribute", nargs="*", help="default: all")
    parser.add_argument("--json", action="store_true", help="as JSON, with time and quality")
    add_station(parser, option=True)


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    station = station_of(args)
    with reached(station, args.instrument) as client:
        tables = client.attributes(args.instrument)
        shown = client.updates(args.instrument)
        for name in args.attribute:
            if name in tables:
                shown[name] = client.get(args.instrument, name)
            elif name not in shown:
                raise Refused(
                    "unknown",
                    f"{args.instrument} has no attribute {name!r}; it has {', '.join(sorted(tables))}",
                )
    names = args.attribute or sorted(shown)
    if args.json:
        print(json.dumps({name: show.plain(shown[name], tables.get(name)) for name in names}, indent=1))
    elif len(args.attribute) == 1:
        update = shown[names[0]]
        print("  ".join(filter(None, [show.text(update.value, tables.get(names[0])), show.quality(update)])))
    else:
        show.columns(
            [[n, show.text(shown[n].value, tables.get(n)), show.quality(shown[n])] for n in names],
            ("attribute", "value", "quality"),
        )
    return 0
