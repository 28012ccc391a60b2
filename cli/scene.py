"""`hitline scene OUT.tpx3`: a file of generated hits."""

import argparse
from pathlib import Path

from .overwrite import add_force, must_be_new

HELP = """\
Write a .tpx3 file of generated hits, to try things without a detector.

The file looks like one of a quad detector behind Serval: four chips, packet counters, global times, triggers
at 60 Hz, hits a little out of order. The same options give the same file.

  hitline scene test.tpx3 --hits 1000000 --rate 5e6
  hitline decode test.tpx3 test.npz
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("out", type=Path, metavar="OUT.tpx3", help="file to write")
    add_force(parser)
    parser.add_argument(
        "--hits", type=_count, default=1_000_000, help="exact number of hits (default 1000000)"
    )
    parser.add_argument("--rate", type=float, default=5e6, help="hits per second (default 5e6)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other hits (default 1)")
    parser.add_argument(
        "--chips", type=int, choices=(1, 4), default=4, help="chips of the detector (default 4)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the file in parts, so that its size is not limited by memory."""
    from hitline.analysis.placed import placed
    from hitline.bus.formats.quad import QUAD_SIDE, SIDE
    from hitline.ioc.emulators.scene import Scene
    from hitline.ioc.emulators.spidr import stream

    from .progress import bar

    if args.out.suffix != ".tpx3":
        raise ValueError(f"{args.out}: this command writes .tpx3 files only")
    must_be_new([args.out], args.force)
    scene = Scene(seed=args.seed, rate_hz=args.rate, side=SIDE if args.chips == 1 else QUAD_SIDE)
    with placed(args.out) as path, path.open("wb") as file, bar(args.out.name, args.hits * 8) as progress:
        for piece, truth in stream(scene, args.hits):
            file.write(piece)
            progress(len(truth) * 8)
    print(f"{args.out}: {args.hits} hits over {args.hits / args.rate:.6g} s")
    return 0


def _count(text: str) -> int:
    """Accept 1e6 as well as 1000000."""
    value = float(text)
    if value != int(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 up")
    return int(value)
