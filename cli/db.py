"""`hitline db`: write, check and list the EPICS databases of a station."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from hitline.bus.station import Station
from hitline.db.binding import binding, sets
from hitline.db.check import Tables
from hitline.db.records import Record
from hitline.ioc.faces.table import SHIPPED, Table, table

from .station import add_station, station_file
from .tables import of_station, problems, stale

HELP = """Write, check and list process variables

examples:
  hitline db list station.toml              every PV with unit, limits and meaning
  hitline db list station.toml --json       the same for programs
  hitline db check station.toml             are the site's overlays right? says file, line and what to do
  hitline db generate                       write db/*.db from the attribute tables (for developers)
  hitline db generate --check               fail when they are stale

A site changes records in an overlay, a file named in `overlays` of [faces.ca]:
  record("*", "$(P)DET1:AcquireTime") { field(DRVH, "60") alias("BL7:EXPOSURE") }
"""

DOCS = SHIPPED.parent / "docs" / "reference"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    generate = actions.add_parser("generate", help="write db/*.db from the attribute tables")
    generate.add_argument("--check", action="store_true", help="write nothing, fail when a file is stale")
    helps = {"check": "check the records of a station strictly", "list": "show the PVs of a station"}
    for name, text in helps.items():
        action = actions.add_parser(name, help=text)
        add_station(action)
        if name == "list":
            action.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.action == "generate":
        return _generate(args.check)
    from hitline.bus.station import load

    station = load(station_file(args))
    made = table(station)
    return _check(station, made) if args.action == "check" else _list(station, made, args.json)


def _generate(check: bool) -> int:
    old = stale(SHIPPED, DOCS)
    for path, text in old.items():
        print(f"stale: {path}" if check else f"written: {path}")
        if not check:
            path.write_text(text)
    if check and old:
        print("run `hitline db generate`", file=sys.stderr)
    return int(check and bool(old))


def _check(station: Station, made: Table) -> int:
    found = problems(station, made)
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"{len(made.records)} records, {len(found)} errors")
    return int(bool(found))


def _list(station: Station, made: Table, as_json: bool) -> int:
    tables = of_station(station)
    rows = [row(record, tables) for record in made.records.values()]
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        _show(rows)
    for error in made.errors:
        print(error, file=sys.stderr)
    return int(bool(made.errors))


def row(record: Record, tables: Mapping[str, Tables]) -> dict[str, Any]:
    """Describe one PV."""
    tied, fields = binding(record), record.fields
    known = tables.get(tied.instrument) if tied else None
    items = (known.commands if tied and tied.is_command else known.attributes) if known else {}
    item = items.get(tied.target) if tied else None
    return {
        "pv": record.name,
        "aliases": record.aliases,
        "type": record.rtype,
        "instrument": tied.instrument if tied else "",
        "attribute": tied.target if tied else "",
        "command": bool(tied and tied.is_command),
        "writable": sets(record) and getattr(item, "writable", True),
        "unit": fields.get("EGU", ""),
        "low": fields.get("DRVL", fields.get("LOPR", "")),
        "high": fields.get("DRVH", fields.get("HOPR", "")),
        "group": fields.get("ASG", "DEFAULT"),
        "doc": item.doc if item else fields.get("DESC", ""),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    columns = ("PV", "set", "shows", "unit", "limits", "meaning")
    lines = [
        (
            " = ".join((r["pv"], *r["aliases"])),
            "yes" if r["writable"] else "",
            f"{r['instrument']} {r['attribute']}{'()' if r['command'] else ''}",
            r["unit"],
            f"{r['low']} ... {r['high']}" if r["low"] or r["high"] else "",
            " ".join(r["doc"].split()),
        )
        for r in rows
    ]
    if not sys.stdout.isatty():
        for line in (columns, *lines):
            print("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table as Picture

    picture = Picture(box=None)
    picture.add_column(columns[0], no_wrap=True, overflow="ignore")  # of all, the names must be whole
    for column in columns[1:]:
        picture.add_column(column)
    for line in lines:
        picture.add_row(*line)
    Console().print(picture)
