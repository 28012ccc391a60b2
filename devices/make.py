"""All devices of a station, from its file alone."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitline.bus.entry_points import BLOCKS, INSTRUMENTS, available, find, load_all
from hitline.bus.station import InstrumentEntry, Station, WorkerEntry, load

if TYPE_CHECKING:
    from ophyd import Component, Device

DEVICES = "hitline.devices"
"""Entry point group of other packages' device classes, named by the kind of instrument that they show."""
MEET_S = 1.0
"""How long the first device waits for the station to tell from which file it was started."""


class Devices(Mapping[str, Any]):
    """The devices of a station by the names of its file; made when first asked for.

    `devices.det1` is `devices["det1"]`. The conductor is `run`, the station itself `station`; a worker is
    part of the detector that it follows: `devices.ana1 is devices.det1.ana1`.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._made: dict[str, Device] = {}
        self._makers: dict[str, Callable[[], Device]] = {"station": self._make_station}
        if station.conductor is not None:
            self._makers["run"] = self._make_run
        for name, entry in station.instruments.items():
            self._makers[name] = partial(self._make_instrument, name, entry)
        for name, worker in station.workers.items():
            self._makers[name] = partial(self._find_worker, name, worker)

    def __getitem__(self, name: str) -> Any:
        if name not in self._makers:
            raise KeyError(f"{name}: no such device; {self._station.file} has {', '.join(self)}")
        if not self._made:
            self._have_repeater()
            self._meet()
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._makers:
            raise AttributeError(f"{name}: no such device; there are {', '.join(self._makers)}")
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._makers]

    def _have_repeater(self) -> None:
        """Before libca is used, which looks for one."""
        import ophyd

        from .repeater import offer

        if ophyd.get_cl().name == "pyepics":
            offer(self._station.interface if self._station.loopback else "")

    def _meet(self) -> None:
        """Refuse the devices of another station, as in a copy of its folder: the file names the same PVs."""
        from hitline.bus.home import meet

        station = self._make_station()
        with suppress(TimeoutError):  # a station that is not up yet, or without a face, is nobody else's
            meet(self._station, *(signal.sample(MEET_S).value for signal in (station.host, station.file)))
        self._made["station"] = station

    def _make_station(self) -> "Device":
        from .station import StationDevice

        return StationDevice(self._station.prefix, name="station")

    def _make_run(self) -> "Device":
        from .run import Run

        pv = self._station.conductor.pv if self._station.conductor else "Run:"
        run = Run(self._station.prefix + pv, name="run")
        run.refusal = self["station"].refusal
        return run

    def _make_instrument(self, name: str, entry: InstrumentEntry) -> "Device":
        from ophyd import Kind

        from .hidden import shown
        from .tables import Table, components, specialise

        instrument = find(INSTRUMENTS, entry.type)
        if "axis" in instrument.KINDS:
            from .motor import Motor

            return Motor(self._prefix(name, entry.pv) + "M", name=name)
        # the last kind is the most special one
        base = device_class((entry.type, *reversed(instrument.KINDS)))
        made = components(Table(tuple(instrument.KINDS), instrument.ATTRIBUTES, instrument.COMMANDS))
        more: dict[str, Any] = {}
        if not {"detector", "stage"}.isdisjoint(instrument.KINDS):
            for component in made.values():  # events have what the class reads; more is one `kind` away
                component.kind &= ~Kind.normal
        if "stage" in instrument.KINDS:
            from .stage import axes

            made |= axes({axis: self._prefix(axis, self._pv(axis)) for axis in entry.options.get("axes", ())})
        if "detector" in instrument.KINDS:
            more["conductor"] = self.get("run")
            made |= {
                worker: self._worker(worker, w)
                for worker, w in self._station.workers.items()
                if w.source == name
            }
        prefix = self._prefix(name, entry.pv)
        device = shown(specialise(base, name, made), prefix, self._hidden)(prefix, name=name, **more)
        device.refusal = self["station"].refusal
        return device

    def _worker(self, name: str, worker: WorkerEntry) -> "Component":
        from ophyd import Component

        from .hidden import shown

        prefix = self._prefix(name, worker.pv)
        return Component(shown(worker_class(name, worker), prefix, self._hidden), prefix, add_prefix=())

    @cached_property
    def _hidden(self) -> frozenset[str]:
        from .hidden import hidden

        return hidden(self._station)

    def _find_worker(self, name: str, worker: WorkerEntry) -> "Device":
        return getattr(self[worker.source], name)

    def _pv(self, name: str) -> str:
        return self._station.instruments[name].pv if name in self._station.instruments else ""

    def _prefix(self, name: str, pv: str) -> str:
        return f"{self._station.prefix}{pv or name.upper() + ':'}"


def device_class(kinds: tuple[str, ...]) -> "type[Device]":
    """Give the class of the first of these that has one: another package's, ours, or the generic one."""
    from .detector import HitDetector
    from .generic import Instrument
    from .katherine import KatherineDetector
    from .stage import Stage

    theirs = available(DEVICES)
    ours = {"katherine": KatherineDetector, "detector": HitDetector, "stage": Stage}
    for kind in kinds:
        if kind in theirs:
            return find(DEVICES, kind)
        if kind in ours:
            return ours[kind]
    return Instrument


def worker_class(name: str, worker: WorkerEntry) -> "type[Device]":
    """HitAnalysis with the results of the worker's blocks, without those of blocks it does not run."""
    from .analysis import HitAnalysis
    from .tables import Table, components, specialise

    every = {a.name for block in load_all(BLOCKS)[0].values() for a in block.outputs}
    used = tuple(a for block in worker.blocks for a in find(BLOCKS, block).outputs)
    absent = frozenset(every - {a.name for a in used})
    return specialise(
        HitAnalysis,
        name,
        components(Table(("analysis",), used, absent=absent)),
        absent & set(HitAnalysis.component_names),
    )


def make_devices(station: Station | str | Path, layer: str | None = None) -> Devices:
    """Give the ophyd devices of a station.

    `layer` ("pyepics" or "caproto") chooses ophyd's control layer for the whole process; ophyd takes one for
    good. Nothing is connected before a device is used. The first one is refused (Refused) where the station
    that runs here was started from another file. CA's broadcasts do not find a station on loopback,
    so for it EPICS_CA_ADDR_LIST and EPICS_CA_AUTO_ADDR_LIST are set where they are not yet, and for a port of
    its own EPICS_CA_SERVER_PORT. With the first device under libca (pyepics) this process is the host's
    repeater of beacons, if there is none (`repeater`).
    """
    if not isinstance(station, Station):
        station = load(station, options_of=())
    if station.loopback and "EPICS_CA_ADDR_LIST" not in os.environ:
        os.environ["EPICS_CA_ADDR_LIST"] = station.interface
        os.environ.setdefault("EPICS_CA_AUTO_ADDR_LIST", "NO")
    if station.ca is not None and station.ca.port:
        os.environ.setdefault("EPICS_CA_SERVER_PORT", str(station.ca.port))
    if layer is not None:
        import ophyd

        ophyd.set_cl(layer)
    return Devices(station)
