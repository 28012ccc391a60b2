"""`hitline runs`: what was recorded, and whether it is good, tainted, incomplete or damaged."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from hitline.bus.log.account import lost
from hitline.bus.log.reader import Listing, list_runs
from hitline.bus.log.segment import segments
from hitline.bus.log.verify import Quality, Verdict, verify

from . import show
from .run_page import about, known, page
from .station import add_station, station_of

HELP = """List, show and verify run logs

verify reads every byte and tells three sorts of run apart; the exit code is that of the worst:
  0 good        everything that was taken is there and right
  1 incomplete  what is there is right, but the run did not end in order, or something was lost before the log
  2 damaged     something that had been written can no longer be read

A RUN is a folder, or a run id in the data folder; that is the one of the station file, or --data.

examples:
  hitline runs list
  hitline runs show 20261125-101500-det1
  hitline runs verify                          all runs of the station
  hitline runs verify runs/scan_12/det1 --json
"""

CODES = {Quality.GOOD: 0, Quality.TAINTED: 1, Quality.INCOMPLETE: 1, Quality.DAMAGED: 2}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_station(parser, option=True)
    parser.add_argument("action", choices=("list", "show", "verify"), help="what to do")
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="folder of a run or of many, or run id (default: all of the station)",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder (default: of the station)")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.action == "show":
        return _show(args)
    folders = list(_folders(args))
    return _verify(folders, args.json) if args.action == "verify" else _list(args, folders)


def _root(args: argparse.Namespace) -> Path:
    if args.data:
        return Path(args.data)
    return Path(station_of(args).data)


def _folders(args: argparse.Namespace) -> Iterator[Path]:
    """Give the folder of each source of the runs that were named, or of all."""
    if not args.runs:
        root = _root(args)
        if not root.is_dir():
            raise FileNotFoundError(f"{root}: no data folder; name it with --data")
        yield from (listing.logged.folder for listing in list_runs(root))
    for word in args.runs:
        folder = _named(args, word)
        sources = (
            [folder]
            if segments(folder)
            else sorted(p for p in folder.iterdir() if p.is_dir() and segments(p))
            or [listing.logged.folder for listing in list_runs(folder)]
        )
        if not sources:
            raise FileNotFoundError(f"{folder}: no run log here")
        yield from sources


def _named(args: argparse.Namespace, word: str) -> Path:
    """A path if there is such a folder, else a run id."""
    if Path(word).is_dir():
        return Path(word).absolute()
    try:
        root = _root(args)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{word}: no such folder, and no station file to look up the run id in; use --data"
        ) from None
    if not (root / word).is_dir():
        raise FileNotFoundError(f"no run {word} in {root}; hitline runs list shows what there is")
    return root / word


def _list(args: argparse.Namespace, folders: list[Path]) -> int:
    wanted = {folder.absolute() for folder in folders}
    roots = {folder.parent.parent for folder in folders}
    found = [
        item for root in sorted(roots) for item in list_runs(root) if item.logged.folder.absolute() in wanted
    ]
    if args.json:
        print(json.dumps([_plain(item) for item in found], indent=1))
        return 0
    if not found:
        print(f"no runs in {_root(args)}")
        return 0
    show.columns(
        [_row(item) for item in found],
        ("run", "source", "begun", "exposures", "hits", "lost", "MB", "condition"),
    )
    return 0


def _row(item: Listing) -> list[str]:
    totals = item.totals or {}
    return [
        item.logged.run,
        item.logged.source,
        _when(item.opened_wall_ns),
        *(known(totals.get(name)) for name in ("exposures", "hits")),
        known(lost(item.totals)),
        f"{item.bytes / 1e6:.1f}",
        totals.get("condition", "not closed"),
    ]


def _plain(item: Listing) -> dict[str, Any]:
    return {
        "run": item.logged.run,
        "source": item.logged.source,
        "folder": str(item.logged.folder),
        "opened_wall_ns": item.opened_wall_ns,
        "bytes": item.bytes,
        "closed": item.totals is not None,
        "totals": item.totals,
    }


def _show(args: argparse.Namespace) -> int:
    if len(args.runs) != 1:
        raise ValueError("show wants one RUN: a folder or a run id")
    for folder in _folders(args):
        if args.json:
            print(json.dumps(about(folder), indent=1))
        else:
            page(about(folder))
    return 0


def _verify(folders: list[Path], as_json: bool) -> int:
    worst = 0
    rows, plain = [], []
    for folder in folders:
        verdict = verify(folder)
        worst = max(worst, CODES[verdict.quality])
        rows.append(_verdict_row(folder, verdict))
        plain.append(
            {
                "run": folder.parent.name,
                "source": folder.name,
                "folder": str(folder),
                **asdict(verdict),
                "quality": verdict.quality.value,
            }
        )
    if as_json:
        print(json.dumps(plain, indent=1))
    elif rows:
        show.columns(rows, ("run", "source", "verdict", "exposures", "hits", "lost", "condition", "why"))
    else:
        print("no runs")
    return worst


def _verdict_row(folder: Path, verdict: Verdict) -> list[str]:
    return [
        folder.parent.name,
        folder.name,
        verdict.quality.value,
        str(verdict.exposures),
        known(verdict.hits),
        known(verdict.lost),
        verdict.condition or "not closed",
        "; ".join(verdict.reasons),
    ]


def _when(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9).strftime("%Y-%m-%d %H:%M:%S") if wall_ns else "unknown"
