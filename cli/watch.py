"""`hitline watch`: print values of an instrument as they change."""

import argparse
import json
import queue

from hitline.bus.attribute import Refused, Update

from . import show
from .reach import reached
from .station import add_station, station_of

HELP = """Print values of an instrument as they change, until Ctrl-C

The current values come first. A lost instrument shows as INVALID, and is followed again when it is back.

examples:
  hitline watch ana1 hits hit_rate           two values
  hitline watch run                          everything about the run
  hitline watch det1 exposure --count 10     ten updates, then end
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("instrument", help="name in the station file; also run, station")
    parser.add_argument("attribute", nargs="*", help="default: all")
    parser.add_argument("--count", type=int, metavar="N", help="end after N updates")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    add_station(parser, option=True)


def run(args: argparse.Namespace) -> int:
    """Print until Ctrl-C, or until `count` is reached."""
    station = station_of(args)
    news: queue.SimpleQueue[tuple[str, Update]] = queue.SimpleQueue()
    with reached(station, args.instrument) as client:
        tables = client.attributes(args.instrument)
        known = {*tables, *client.updates(args.instrument)}
        if unknown := [name for name in args.attribute if name not in known]:
            raise Refused(
                "unknown",
                f"{args.instrument} has no attribute {unknown[0]!r}; it has {', '.join(sorted(known))}",
            )
        end = client.watch(args.instrument, lambda name, update: news.put((name, update)))
        printed = 0
        try:
            while args.count is None or printed < args.count:
                name, update = news.get()
                if args.attribute and name not in args.attribute:
                    continue
                printed += 1
                attribute = tables.get(name)
                if args.json:
                    print(json.dumps({"name": name, **show.plain(update, attribute)}), flush=True)
                else:
                    words = (
                        show.when(update),
                        f"{args.instrument}.{name}",
                        show.text(update.value, attribute),
                        show.quality(update),
                    )
                    print("  ".join(filter(None, words)), flush=True)
        except KeyboardInterrupt:
            return 0
        finally:
            end()
    return 0
