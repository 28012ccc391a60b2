"""The bus of a station for a command, once it is known whose it is: a copied folder has the same name."""

from collections.abc import Iterator
from contextlib import contextmanager

from hitline.bus import home
from hitline.bus.station import Station
from hitline.bus.sync import Client
from hitline.ioc.supervisor import NAME

MEET_S = 1.0
"""How long to look for the supervisor, where anything else of the station was found."""


@contextmanager
def reached(station: Station, instrument: str) -> Iterator[Client]:
    """Give a client that has found the instrument, in the station of this file; Refused in another one."""
    with Client(station.name, interface=station.interface) as client:
        client.attributes(instrument)
        meet(client, station)
        yield client


def meet(client: Client, station: Station) -> None:
    """Refuse to speak to the station of another file; where no supervisor is left, nobody can tell."""
    try:
        shown = client.updates(NAME, find_s=MEET_S)
    except TimeoutError:
        return
    host, file = (str(shown[name].value) if name in shown else "" for name in ("host", "file"))
    home.meet(station, host, file)
