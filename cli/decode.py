"""`hitline decode FILE OUT`: raw data to tables."""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from .overwrite import add_force, must_be_new

HELP = """\
Decode a raw recording into npz, csv, parquet or h5, by the ending of OUT.

FILE is a .tpx3 file (Serval), bare Timepix3 words (.raw), Katherine words (.kat) or the folder of a run.

  hitline decode recording.tpx3 hits.npz
  hitline decode recording.tpx3 hits.h5 --sort
  hitline decode runs/20260101-120000-det1 hits.parquet
  hitline decode frames.kat counts.csv --mode event_itot

Hits come in the order of the stream; nothing is left out or put right on the way. Times (t_unwrapped) are in
ticks of 1.5625 ns since the zero of the detector's timer. How a Katherine was set up (mode, oscillator,
generation, clock, read-out) stands in its run log, exposure by exposure; for a .kat file say it with the
options below, which also win over the log. Its times begin anew with each frame; those of sequential frames
are known modulo 409.6 us only. In an npz file:

  import numpy, json
  data = numpy.load("hits.npz")
  data["t_unwrapped"] * 1.5625e-9          # seconds
  json.loads(str(data["header"]))          # units, epoch, counts of losses and damage

csv and parquet put triggers and other tables into files of their own beside OUT (OUT.tdc.csv).
"""

DAMAGE = {
    "packets_lost": "packets lost before they were recorded",
    "packets_repeated": "packets recorded twice",
    "packet_ids_doubted": "packet counters that fit nowhere",
    "resyncs": "places where a chunk header was missing or a chunk was cut short",
    "skipped_words": "words skipped in search of a chunk header",
    "unknown_words": "words of unknown type skipped",
    "unanchored": "hits and triggers without a global time: their epoch is a guess",
    "timer_resets": "resets of the detector's timer: times begin anew there",
    "invalid_tdc": "triggers without a valid time",
    "cut_words": "words missing at the end of the last chunk",
    "cut_bytes": "bytes of an incomplete last word",
    "log_blocks_damaged": "blocks of the run log damaged or missing",
    "log_gap_bytes": "bytes of the run log that are no blocks",
    "log_tail_bytes": "bytes at the end of the run log that are no whole block",
    "frames_unannounced": "frames without the word for their begin",
    "ends_stray": "ends of frames that had not begun: doubled, or all else of the frame is missing",
    "pixels_surplus": "pixels more than the readout says it sent: doubled, or two frames in one",
    "pixels_missing": "pixels sent by the readout that are not in the recording",
    "pixels_lost_inside": "pixels that the readout lost itself",
    "not_in_picture": "hits on chips that quad_image has no place for",
    "aborted": "times the readout aborted the measurement",
}
"""Counts that a person should see when they are not 0."""
NOUNS = {"hits": "hits", "tdc": "triggers", "counted": "counted pixels", "frame": "frames", "mark": "marks"}
CLOCK_TICKS = {20: 32, 40: 16, 80: 8, 160: 4}
"""Ticks of 1.5625 ns in a step, by MHz."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("file", type=Path, metavar="FILE", help="recording, or folder of a run")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write: .npz, .csv, .parquet or .h5")
    add_force(parser)
    parser.add_argument(
        "--sort", action="store_true", help="sort hits and triggers by time; needs memory for all"
    )
    parser.add_argument(
        "--format",
        choices=("tpx3", "words", "katherine"),
        default="",
        help="raw format, where FILE does not tell",
    )
    katherine = parser.add_argument_group("Katherine: how it was set up, where the run log does not say")
    katherine.add_argument(
        "--mode", choices=("toa_tot", "toa", "event_itot"), help="what pixels hold (toa_tot)"
    )
    katherine.add_argument("--slow", action="store_true", help="the fast oscillator was off")
    katherine.add_argument("--generation", type=int, choices=(1, 2), help="of the readout (1)")
    katherine.add_argument(
        "--clock", type=int, choices=CLOCK_TICKS, metavar="MHZ", help="pixel clock: 20, 40, 80, 160 (40)"
    )
    katherine.add_argument(
        "--phases", type=int, choices=(1, 2, 4, 8, 16), metavar="N", help="phases of the pixel clock (1)"
    )
    katherine.add_argument("--sequential", action="store_true", help="frames, not data driven")


def setup(args: argparse.Namespace) -> dict[str, Any]:
    """Give what was said of a Katherine's setup, by the names of its facts."""
    said = {
        "mode": args.mode,
        "fast": False if args.slow else None,
        "generation": args.generation,
        "coarse_ticks": CLOCK_TICKS.get(args.clock),
        "phases": args.phases,
        "readout": "sequential" if args.sequential else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def run(args: argparse.Namespace) -> int:
    """Decode; 0 also when damage was met, which is told on stderr."""
    from hitline.analysis.export import side_files, writer_for
    from hitline.analysis.header import header, in_time_order
    from hitline.analysis.picture import Picture
    from hitline.analysis.placed import placed
    from hitline.analysis.recording import Recording

    from .progress import bar

    make = writer_for(args.out)
    recording = Recording(args.file, args.format, setup=setup(args))
    if args.out.exists() and args.out.samefile(args.file):
        raise ValueError(f"{args.out}: is the recording itself; write to another file")
    must_be_new([args.out, *side_files(args.out)], args.force)
    picture = Picture(quad=recording.format != "katherine")
    rows: dict[str, int] = {}
    names: set[str] = set()
    with (
        placed(args.out, side_files(args.out)) as path,
        closing(make(path)) as writer,
        bar(args.file.name, recording.work) as progress,
    ):
        parts = recording.tables(progress)
        for tables in [in_time_order(parts)] if args.sort else parts:
            for table, columns in tables.items():
                rows[table] = rows.get(table, 0) + len(next(iter(columns.values())))
                names |= {f"{table}/{name}" for name in columns}
            picture.add(tables)
            writer.write(tables)
        facts = recording.facts | {"not_in_picture": picture.left_out}
        rule = {picture.name: picture.rule}
        told = header(recording, rows, names, by_time=args.sort, images=rule) | {"facts": facts}
        writer.finish(told, {picture.name: picture.image})
    counts = ", ".join(f"{count} {NOUNS[table]}" for table, count in rows.items() if count or table == "hits")
    print(f"{args.out}: {counts}")
    for name, text in DAMAGE.items():
        if facts.get(name):
            print(f"hitline: warning: {facts[name]} {text}", file=sys.stderr)
    return 0
