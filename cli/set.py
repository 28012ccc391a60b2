"""`hitline set`: set an attribute of an instrument, or send it a command."""

import argparse

from hitline.bus.attribute import Attribute, Refused
from hitline.bus.proxy import Reply
from hitline.bus.states import TRANSITIONS

from . import show
from .reach import reached
from .station import add_station, station_of

HELP = """Set an attribute of an instrument, or send it a command

Waits until the instrument has carried it out and prints what it applied. A refusal names value, limit and
unit. NAME is an attribute, a command, or a transition of the instrument itself (initialize is Reset).

examples:
  hitline set det1 acquire_time 0.5      set an attribute
  hitline set det1 acquire Acquire       begin an exposure, wait for its end
  hitline set run start alice            a command with its argument
  hitline set det1 initialize            leave SAFE or ERROR
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("instrument", help="name in the station file; also run, station")
    parser.add_argument("name", help="attribute, command or transition")
    parser.add_argument("value", nargs="*", help="value, or the command's arguments")
    parser.add_argument(
        "--wait",
        type=float,
        default=60.0,
        metavar="S",
        help="wait so long for a move or ramp to end (default 60); 0: do not wait",
    )
    add_station(parser, option=True)


def run(args: argparse.Namespace) -> int:
    """Send it, wait, print what came of it."""
    station = station_of(args)
    with reached(station, args.instrument) as client:
        tables, commands = client.attributes(args.instrument), client.commands(args.instrument)
        if args.name in tables:
            attribute = tables[args.name]
            if not args.value and attribute.dtype != "str":
                raise Refused("type", f"{args.name}: no value was given")
            value = show.parse(args.value, attribute)
            reply = whole(client.set(args.instrument, args.name, value, wait_s=args.wait))
            print(show.text(reply.value, attribute))
        elif args.name in commands:
            wanted = commands[args.name].args
            values = args.value or [""] * sum(dtype == "str" for _, dtype in wanted)
            if len(values) != len(wanted):
                names = ", ".join(name for name, _ in wanted) or "none"
                raise Refused(
                    "type", f"{args.name} takes {len(wanted)} arguments ({names}), got {len(args.value)}"
                )
            typed = [
                show.parse([word], Attribute(name, dtype, ""))
                for word, (name, dtype) in zip(values, wanted, strict=True)
            ]
            whole(client.command(args.instrument, args.name, *typed, wait_s=args.wait))
            print("done" if args.wait else "accepted")
        elif args.name in TRANSITIONS:
            client.transition(args.instrument, args.name, *args.value[:1])
            print("accepted")
        else:
            raise Refused(
                "unknown",
                f"{args.instrument} has no attribute or command {args.name!r}; it has "
                f"{', '.join(sorted({*tables, *commands}))}",
            )
    return 0


def whole(reply: Reply) -> Reply:
    """Refuse what did not come to its end, as an exposure that somebody stopped."""
    if reply.cut:
        raise Refused("failed", reply.cut)
    return reply
