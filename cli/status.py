"""`hitline status`: what is up, in which state, how well."""

import argparse
import json
from typing import Any

from hitline.bus.attribute import Severity
from hitline.bus.proxy import Proxy
from hitline.bus.station import Station
from hitline.bus.sync import Client

from . import show
from .reach import meet
from .station import add_station, station_of

HELP = """Show the instruments of a station with state, severity and run

Others' satellites in the group are shown too; what the station file names and is not there is DEAD. The exit
code is 0 if nothing is worse than MINOR.

examples:
  hitline status                     the station of ./station.toml
  hitline status station.toml --json
"""

PSEUDO = ("state", "status_text", "connected")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_station(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Look and tell."""
    station = station_of(args)
    with Client(station.name, interface=station.interface) as client:
        found = client.instruments()
        meet(client, station)
        others = sorted(set(found) - set(expected(station)))
        rows = [row(name, found.get(name)) for name in (*expected(station), *others)]
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        header = ("instrument", "type", "state", "severity", "run", "status")
        show.columns([[entry[name] for name in header] for entry in rows], header)
    return int(any(entry["severity"] in ("MAJOR", "INVALID") for entry in rows))


def expected(station: Station) -> dict[str, None]:
    """Names that a station has when all is well, in the order of its file."""
    names = [*station.instruments, *station.workers, *(["run"] if station.conductor else []), "station"]
    return dict.fromkeys(names)


def row(name: str, proxy: Proxy | None) -> dict[str, Any]:
    """Describe one instrument by its proxy, None when it is not there."""
    if proxy is None or not proxy.connected:
        status = proxy.status if proxy else "not on the bus"
        return {
            "instrument": name,
            "type": "",
            "state": "DEAD",
            "severity": "INVALID",
            "run": "",
            "status": status,
        }
    updates = dict(proxy.updates)
    worst = max(updates.values(), key=lambda update: update.severity)
    reasons = [f"{n}: {u.status}" for n, u in updates.items() if u.severity and u.status and n not in PSEUDO]
    run = next((str(updates[n].value) for n in ("run", "run_id") if n in updates and updates[n].value), "")
    return {
        "instrument": name,
        "type": proxy.canonical.partition(".")[0],
        "state": proxy.state.name,
        "severity": Severity(worst.severity).name,
        "run": run,
        "status": "; ".join(reasons) or proxy.status,
    }
