"""Playing a recording through a running station: the run, its progress, and the sums at the end."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hitline.bus.attribute import Refused, Update
from hitline.bus.proxy import Proxy
from hitline.bus.states import State
from hitline.bus.station import Station
from hitline.db.binding import binding
from hitline.ioc.child import Child, Phase
from hitline.ioc.faces.table import table
from hitline.ioc.supervisor import Supervised, supervised

START_S = 180.0
"""The first start compiles the analysis kernels."""
ANALYSIS_S = 120.0
"""The worker has this long to catch up after the last hit was sent."""
OWNER = "hitline replay"

EXAMPLES = (
    ("ana1", "hits"),
    ("ana1", "tot_sum"),
    ("ana1", "chip_hits"),
    ("ana1", "clusters"),
    ("det1", "hits_sent"),
    ("run", "run_state"),
)
"""Values whose PVs are worth a look."""


@dataclass(frozen=True)
class Sums:
    """What came out of one exposure."""

    sent: int | None
    logged: int | None
    analysed: int
    lost: int | None
    clusters: int
    tot_sum: int
    chips: list[int]

    @property
    def agree(self) -> bool:
        """True when nothing was lost on the way and that is known."""
        return self.sent == self.logged == self.analysed

    def lines(self) -> list[str]:
        """Return them as text."""
        way = f"{_n(self.sent)} sent, {_n(self.logged)} logged, {_n(self.analysed)} analysed"
        verdict = "all agree" if self.agree else "THESE DIFFER"
        return [
            f"hits      {way}: {verdict}",
            f"lost      {_n(self.lost)}",
            f"clusters  {_n(self.clusters)}",
            f"ToT sum   {_n(self.tot_sum)}",
            f"chips     {', '.join(map(_n, self.chips))}",
        ]


class Player:
    """Plays what `det1` of a station has, seen by `ana1`."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self._running: Supervised | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Player"]:
        """Run the station meanwhile."""
        async with supervised(self.station, _tell) as self._running:
            yield self

    @property
    def running_port(self) -> int:
        """Channel Access port that the face has."""
        facts = self._here.crew.children["face-ca"].facts
        return int(facts.get("ca_port", 0))

    @property
    def _here(self) -> Supervised:
        if self._running is None:
            raise RuntimeError("the station is not running")
        return self._running

    def examples(self) -> list[str]:
        """Give names of PVs to try."""
        made = table(self.station)
        shown = {
            (tied.instrument, tied.target): name
            for name, record in reversed(made.records.items())
            if (tied := binding(record)) and not tied.is_command
        }
        return [shown[example] for example in EXAMPLES if example in shown]

    async def play(self) -> Sums:
        """Start all, make one run with one exposure of everything, and give the sums."""
        print("starting", flush=True)
        async with asyncio.timeout(START_S):
            await self._here.crew.settled()
        broken = [child for child in self._here.crew.children.values() if child.phase is not Phase.UP]
        if broken:
            raise Refused("failed", "; ".join(f"{child.spec.name} {child.reason}" for child in broken))
        det, ana, run = (self._here.node.proxy(name) for name in ("det1", "ana1", "run"))
        for proxy in (det, ana, run):
            await proxy.wait_connected(10.0)
        if det.state is not State.INIT:
            raise Refused("failed", f"the recording cannot be played: {det.status}")
        await self._command(run, "start", OWNER)
        progress = _Progress(det)
        reply = await det.set("acquire", "Acquire")
        try:
            await det.wait_idle("acquire", reply, float("inf"))
        finally:
            progress.end()
        number = det.updates["exposure"].value
        await _until(
            ana,
            lambda: _shown(ana, "run") == _shown(run, "run_id") and _shown(ana, "exposure") == number,
            ANALYSIS_S,
        )
        await self._command(run, "land")
        known = {name: _known(det.updates.get(name)) for name in ("hits_sent", "hits_logged", "hits_lost")}
        return Sums(
            known["hits_sent"],
            known["hits_logged"],
            int(_shown(ana, "hits")),
            known["hits_lost"],
            int(_shown(ana, "clusters")),
            int(_shown(ana, "tot_sum")),
            await _chips(ana),
        )

    async def _command(self, run: Proxy, command: str, *args: str) -> None:
        reply = await run.command(command, *args)
        await run.wait_idle(command, reply, 60.0)
        if message := run.updates["message"].value:
            raise Refused("failed", message)


def _n(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


class _Progress:
    """How far a replay is: a bar on a terminal, a line every tenth elsewhere."""

    def __init__(self, det: Proxy) -> None:
        self._bar: Any = None
        self._tenth = -1
        if sys.stdout.isatty():
            from rich.progress import Progress

            self._bar = Progress(transient=True)
            self._bar.start()
            self._task = self._bar.add_task("playing", total=100.0)
        self._end = det.listen(self._show)

    def end(self) -> None:
        """Take it away."""
        self._end()
        if self._bar:
            self._bar.stop()

    def _show(self, name: str, update: Update) -> None:
        if name != "position" or update.value is None:
            return
        if self._bar:
            self._bar.update(self._task, completed=update.value)
        elif int(update.value // 10) > self._tenth:
            self._tenth = int(update.value // 10)
            print(f"playing   {update.value:3.0f} %", flush=True)


def _tell(child: Child) -> None:
    """Say what goes wrong; all else is as it should be."""
    if child.phase in (Phase.WAITING, Phase.FAILED):
        print(f"{child.spec.name} {child.phase.value}: {child.reason}", file=sys.stderr, flush=True)


def _shown(proxy: Proxy, name: str) -> Any:
    return proxy.updates[name].value if name in proxy.updates else None


def _known(update: Update | None) -> int | None:
    return None if update is None or update.value is None else int(update.value)


async def _chips(ana: Proxy) -> list[int]:
    """Hits per chip, without the chips that do not exist."""
    counts = [int(n) for n in (await ana.get("chip_hits")).value]
    while counts and not counts[-1]:
        counts.pop()
    return counts


async def _until(proxy: Proxy, condition: Any, timeout_s: float) -> None:
    """Wait for a condition on what a proxy shows."""
    changed = asyncio.Event()
    end = proxy.listen(lambda name, update: changed.set())
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                changed.clear()
                await changed.wait()
    except TimeoutError:
        raise TimeoutError(
            f"{proxy.name} has not analysed the exposure within {timeout_s:g} s: {proxy.status}"
        ) from None
    finally:
        end()
