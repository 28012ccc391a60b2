"""`hitline emulate`: an emulated instrument in the foreground, for any client of the real one."""

import argparse
import asyncio
import importlib
import sys
from typing import Any

from hitline.bus.attribute import Refused
from hitline.bus.process import run as until_stopped
from hitline.ioc.emulators.bench import Bench
from hitline.ioc.emulators.world.instrument import WorldInstrument, WorldOptions

from .options import declare, made, names
from .show import parse
from .typed import Typed

HELP = """\
Run an emulated instrument, for any client of the real one

The emulator answers over the network as the hardware does, at an address of this computer. While it runs,
lines on its standard input set its knobs: `drop 0.01` loses one datagram of hits in a hundred, `shutter
Closed` darkens the source, `reboot 2` is a power cut; an unknown word lists them all. Ctrl-C ends it.
In a station it is an instrument of type katherine_emulator, phymotion_emulator, mcc_emulator or pi_emulator;
`hitline set` sets its knobs.

  hitline emulate katherine                             at 127.0.0.2, ports 1555 and 1556
  hitline emulate katherine --source Sr90 --gen 2       another source, the second generation
  hitline emulate katherine --loop-mhit-s 16            the full rate of the readout
  hitline emulate phymotion --port 22222                a motor controller; so do mcc and pi
"""

EMULATORS = {
    "katherine": ("hitline.ioc.emulators.katherine.emulator", "KatherineEmulator"),
    "phymotion": ("hitline.ioc.emulators.phytron.instrument", "PhyMotionEmulator"),
    "mcc": ("hitline.ioc.emulators.phytron.instrument", "MccEmulator"),
    "pi": ("hitline.ioc.emulators.pi.instrument", "PiEmulator"),
}
WORLDLY = ("katherine",)
"""These look at an emulated world."""
EVERY_S = 2.0
"""How often counts are told, on a terminal and while they change."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them: every option of the emulator and of the world, by the names of the station file."""
    kinds = parser.add_subparsers(title="instruments", dest="kind", metavar="INSTRUMENT", required=True)
    for kind in EMULATORS:
        command = kinds.add_parser(kind, help=f"see: hitline emulate {kind} --help")
        own = _emulator(kind).Options
        declare(command.add_argument_group("emulator"), own)
        if kind in WORLDLY:
            declare(command.add_argument_group("world"), WorldOptions, names(own))


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    maker = _emulator(args.kind)
    emulator = maker(f"{args.kind}-emu", made(maker.Options, vars(args)))
    world = WorldInstrument("world", made(WorldOptions, vars(args))) if args.kind in WORLDLY else None

    async def body(stop: asyncio.Event) -> None:
        async with Bench(emulator, world) as bench:
            print(f"{args.kind}: listening at {emulator.value('listening')}; Ctrl-C ends it", flush=True)
            telling = asyncio.create_task(_tell(bench))
            async with Typed(lambda text: _set(bench, text)):
                await stop.wait()
            telling.cancel()
            await asyncio.wait({telling})
        print(bench.counts(), flush=True)

    return until_stopped(body)


async def _tell(bench: Bench) -> None:
    """Tell counts now and then, where somebody looks on."""
    told = bench.counts()
    while True:
        await asyncio.sleep(EVERY_S)
        if sys.stdout.isatty() and (now := bench.counts()) != told:
            told = now
            print(now, flush=True)


async def _set(bench: Bench, text: str) -> None:
    """Carry out a line that was typed."""
    try:
        print(await bench.take(text, parse), flush=True)
    except (Refused, ValueError, OSError) as error:
        print(f"refused: {error}", file=sys.stderr, flush=True)


def _emulator(kind: str) -> Any:
    module, name = EMULATORS[kind]
    return getattr(importlib.import_module(module), name)
