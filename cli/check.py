"""`hitline check`: say whether every process variable of a station is there."""

import argparse
import os

from .station import add_station, station_of

HELP = """\
Connect every PV of a station, those of its ophyd devices and those of its records.

Prints a table of what did not connect; the exit code is 0 only if everything did.

  hitline check station.toml
  hitline check --layer caproto --timeout 20 --all
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_station(parser)
    parser.add_argument(
        "--timeout",
        type=float,
        default=5.0,
        metavar="S",
        help="seconds for all to connect (default %(default)g)",
    )
    parser.add_argument(
        "--layer",
        choices=("pyepics", "caproto"),
        default=os.environ.get("OPHYD_CONTROL_LAYER") or "pyepics",
        help="CA client library (default %(default)s)",
    )
    parser.add_argument("--all", action="store_true", help="list what connected, too")


def run(args: argparse.Namespace) -> int:
    """Connect everything; 1 when something is missing."""
    from hitline.devices import make_devices
    from hitline.ioc.faces.table import table

    station = station_of(args)
    devices = make_devices(station, args.layer)
    from hitline.devices.check import check
    from hitline.devices.leave import leave

    try:
        roots = [device for device in devices.values() if device.parent is None]
        records = table(station)
        found = check(roots, records.records, args.timeout)
    finally:  # also where the station is refused: at exit libca would fall under its own threads
        leave()
    missing = [pv for pv in found if not pv.connected]
    shown = found if args.all else missing if len(missing) < len(found) else []
    width = max((len(pv.pv) for pv in shown), default=0)
    for pv in sorted(shown, key=lambda pv: (pv.connected, pv.pv)):
        print(f"{pv.pv:{width}}  {'ok' if pv.connected else 'NOT CONNECTED':13}  {pv.user}")
    for error in records.errors:
        print(f"records: {error}")
    print(
        f"{station.name}: {len(found) - len(missing)} of {len(found)} PVs connected over {args.layer}"
        + ("" if len(missing) < len(found) else f"; is the CA face up? ({_where()})")
    )
    return 1 if missing or records.errors else 0


def _where() -> str:
    return (
        ", ".join(
            f"{key}={os.environ[key]}"
            for key in ("EPICS_CA_ADDR_LIST", "EPICS_CA_SERVER_PORT")
            if key in os.environ
        )
        or "no EPICS_CA_* set"
    )
