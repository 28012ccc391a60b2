"""The members of a run: which satellites take part, in which order, and what they show."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from hitline.bus import entry_points
from hitline.bus.attribute import Update
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.states import HeartbeatFlag, State
from hitline.bus.station import Station

REACT = HeartbeatFlag.DENY_DEPARTURE | HeartbeatFlag.TRIGGER_INTERRUPT | HeartbeatFlag.MARK_DEGRADED
"""Any of these flags means a role other than NONE."""
OF_INTEREST = ("state", "connected", "run", "exposure", "condition")
"""Values of members that a run depends on; the many others change too often to look at."""


class Members:
    """The readouts of a station, and other people's satellites in its group that have a role.

    A readout, and a stage, is known by the feed of its log, and before it was seen by its kind. `on_change()`
    is called when a member, or what it shows of its run, has changed.
    """

    def __init__(self, node: Node, station: Station, on_change: Callable[[], None]) -> None:
        self.node = node
        self._on_change = on_change
        self._all_met = asyncio.Event()
        self._order = station.conductor.order if station.conductor else ()
        self._declared = [name for name, entry in station.instruments.items() if _is_readout(entry.type)]
        self._ours = {*station.instruments, *station.workers, "run", "station"}
        self._seen: set[str] = set()
        node.on_proxy.append(self._follow)
        self._followed: set[str] = set()
        for name in station.instruments:
            self._follow(node.proxy(name))
        for proxy in tuple(node.proxies.values()):
            self._follow(proxy)

    def all(self) -> list[Proxy]:
        """Give the members in order of launch: as the station file orders them, its readouts, then others."""
        order = [name.lower() for name in (*self._order, *self._declared)]

        def key(proxy: Proxy) -> tuple[int, str]:
            names = (proxy.name.lower(), proxy.canonical.lower())
            return min(order.index(n) if n in order else len(order) for n in names), proxy.name

        return sorted((p for p in self.node.proxies.values() if self._takes_part(p)), key=key)

    def states(self) -> dict[str, State]:
        """Give {name: state} of the members that were seen at least once."""
        return {p.name: p.state for p in self.all() if p.name in self._seen}

    def reasons(self) -> dict[str, str]:
        """Give {name: what it says of its state}."""
        return {p.name: p.status for p in self.all()}

    def missing(self) -> list[str]:
        """Name the readouts of the station file that were never seen."""
        return [name for name in self._declared if name not in self._seen]

    async def met(self, timeout_s: float) -> None:
        """Wait until none is missing, not longer than this."""
        if self.missing():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._all_met.wait()

    def values(self, attribute: str) -> dict[str, Any]:
        """Give {name: value} of an attribute of all members that show it."""
        shown = {p.name: p.updates.get(attribute) for p in self.all()}
        return {name: update.value for name, update in shown.items() if update is not None}

    def _takes_part(self, proxy: Proxy) -> bool:
        if proxy.name in self._declared or "feed" in proxy.description:
            return True
        foreign = proxy.name not in self._ours and proxy.connected and not proxy.description
        return foreign and proxy.peer is not None and bool(proxy.peer.flags & REACT)

    def _follow(self, proxy: Proxy) -> None:
        if proxy.name in self._followed:
            return
        self._followed.add(proxy.name)

        def changed(name: str, update: Update) -> None:
            if name == "state" and proxy.state is not State.DEAD:
                self._seen.add(proxy.name)
                if not self.missing():
                    self._all_met.set()
            if name in OF_INTEREST:
                self._on_change()

        proxy.listen(changed)


def _is_readout(kind: str) -> bool:
    """Whether it has a run log."""
    try:
        return not {"detector", "stage"}.isdisjoint(entry_points.find(entry_points.INSTRUMENTS, kind).KINDS)
    except (entry_points.EntryPointError, AttributeError):  # it will say by itself what it is
        return False
