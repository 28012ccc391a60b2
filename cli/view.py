"""What `hitline up` shows: a table that keeps itself current on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hitline.bus.station import Station
from hitline.ioc.child import Child, Phase

STYLES = {Phase.UP: "green", Phase.FAILED: "bold red", Phase.WAITING: "yellow", Phase.STARTING: "cyan"}


class View:
    """Plain lines, one per change."""

    def __init__(self, station: Station) -> None:
        self.station = station

    def say(self, text: str) -> None:
        """Show a line."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def changed(self, child: Child) -> None:
        """Show that a process has changed."""
        self.say(_line(child))
        self.explain(child)

    def explain(self, child: Child) -> None:
        """Show the end of the log of a process that was given up."""
        if child.phase is Phase.FAILED:
            self.say(f"the last lines of {child.log.path}:")
            for line in child.tail():
                self.say(f"  | {line}")

    def settled(self, children: Iterable[Child]) -> None:
        """Say that the start is over."""
        everyone = list(children)
        up = sum(child.phase is Phase.UP for child in everyone)
        self.say(f"station {self.station.name}: {up} of {len(everyone)} processes up; Ctrl-C stops them")


class LiveView(View):
    """A table that is drawn anew at each change."""

    def __init__(self, station: Station, live: Any) -> None:
        super().__init__(station)
        self._live = live
        self._children: dict[str, Child] = {}

    def say(self, text: str) -> None:
        """Show a line above the table."""
        self._live.console.print(f"{time.strftime('%H:%M:%S')} {text}", highlight=False, markup=False)

    def changed(self, child: Child) -> None:
        """Draw the table."""
        from rich.table import Table

        self._children[child.spec.name] = child
        table = Table("process", "phase", "pid", "restarts", "serves", box=None, header_style="dim")
        for one in self._children.values():
            phase = f"[{STYLES.get(one.phase, 'dim')}]{one.phase.value}"
            table.add_row(one.spec.name, phase, str(one.pid or ""), str(one.restarts or ""), _more(one))
        self._live.update(table)
        if child.phase is Phase.WAITING:
            self.say(_line(child))
        self.explain(child)


@contextmanager
def view(station: Station) -> Iterator[View]:
    """Give the view that fits where the output goes."""
    if not sys.stdout.isatty():
        yield View(station)
        return
    from rich.live import Live

    with Live(refresh_per_second=4) as live:
        yield LiveView(station, live)


def _line(child: Child) -> str:
    more = _more(child)
    return f"{child.spec.name} {child.phase.value}" + (f": {more}" if more else "")


def _more(child: Child) -> str:
    """Return what a process serves, or why it does not."""
    if child.phase is not Phase.UP:
        return "" if child.phase is Phase.STARTING else child.reason
    return ", ".join(f"{name} {_plain(value)}" for name, value in child.facts.items() if value)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
