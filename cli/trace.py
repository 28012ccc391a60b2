"""`hitline trace FILE`: what a driver sent and received, in words."""

import argparse
import asyncio
import sys
from pathlib import Path

HELP = """\
Show a trace: what a driver sent to its instrument and what came back

A trace is a file that `hitline up --trace DIR`, or the option `trace` of an instrument, makes. Each line
shows the seconds since its beginning, > for sent and < for received, the channel, and what it says.

  hitline up station.toml --trace traces                  every driver that can writes one
  hitline trace traces/det1-20260131-120000-000000.trace
  hitline trace det1.trace --channel control              commands and answers only
  hitline trace det1.trace --raw                          bytes in hex
  hitline trace det1.trace --play 127.0.0.2:1555          answer a driver as the instrument did, until Ctrl-C
  gzip det1.trace; hitline trace det1.trace.gz            compressed ones are read too

The file itself is text, one JSON object in a line. It holds what the driver saw and the options of the
instrument without passwords: look through it before you give it away (docs/instruments/katherine.md).
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("file", type=Path, metavar="FILE", help="trace, or a compressed one (.gz)")
    parser.add_argument(
        "--channel", default="", metavar="NAME", help="only this one, such as control or data"
    )
    parser.add_argument("--raw", action="store_true", help="bytes in hex, not what they say")
    parser.add_argument(
        "--play",
        default="",
        metavar="ADDRESS[:PORT]",
        help="be the instrument of the trace, over UDP (port 1555)",
    )


def run(args: argparse.Namespace) -> int:
    """Show; 1 when records are missing in the trace."""
    if args.play:
        return asyncio.run(play(args.file, args.play))
    from hitline.ioc.tell import teller
    from hitline.ioc.trace_file import Skipped, read

    header, records = read(args.file)
    tell = teller(header.type)
    print(f"{header.instrument} ({header.type}), hitline {header.hitline}, {header.wall}")
    for name, value in header.options.items():
        print(f"  {name} = {value}")
    whole = True
    for record in records:
        if isinstance(record, Skipped):
            whole = False
            text = f"{record.records} records ({record.bytes} bytes) of {record.channel}: {record.why}"
            print(f"hitline: warning: not in the trace from {_time(record.t_ns)}: {text}", file=sys.stderr)
            continue
        said = tell(record.channel, record.sent, record.data)
        if args.channel in ("", record.channel):
            way = ">" if record.sent else "<"
            print(
                f"{_time(record.t_ns)} {way} {record.channel}  {record.data.hex(' ') if args.raw else said}"
            )
    return int(not whole)


async def play(file: Path, where: str) -> int:
    """Answer until a signal comes; 1 when something was asked that is not in the trace."""
    from hitline.bus.process import stop_on_signals
    from hitline.ioc.emulators.traced import Traced

    address, _, port = where.partition(":")
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with Traced(file, address=address, port=int(port or 1555), timed=True) as played:
        print(
            f"{played.header.instrument} answers at {played.address}:{played.port}; Ctrl-C ends it",
            flush=True,
        )
        await stop.wait()
    script = played.script
    print(
        f"{script.matched + script.repeated} requests answered, {script.repeated} of them oftener than in "
        f"the trace, {sum(script.unknown.values())} that are not in it; {played.sent} datagrams sent"
    )
    return int(bool(script.unknown))


def _time(t_ns: int) -> str:
    return f"{t_ns / 1e9:13.6f}"
