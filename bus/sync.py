"""The bus for code that blocks: scripts, the command line, tests.

A `Client` runs a node on a loop of its own in a thread. Its methods wait, and raise what the proxy raises:
`Refused`, `TimeoutError`.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Self, TypeVar

from .asker import asking, user
from .attribute import Attribute, Command, Update
from .node import Node
from .proxy import Proxy, Reply
from .states import State

T = TypeVar("T")

START_S = 10.0
ROUND_S = 5.0
"""Longest time that any method waits beyond the timeout that it was given."""


class Client:
    """A blocking view of one group: `with Client("bench") as client: client.get("det1", "voltage")`.

    `find_s` is how long a method waits for an instrument that is not there yet.
    """

    def __init__(
        self, group: str, name: str = "client", *, interface: str = "127.0.0.1", find_s: float = 3.0
    ) -> None:
        self.group, self.find_s = group, find_s
        self._node = Node(group, name, interface=interface)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"bus {self.group}", daemon=True)
        self._thread.start()
        try:
            self._wait(self._node.start(), START_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bus."""
        try:
            self._wait(self._node.stop(), START_S)
        finally:
            self._end()

    def instruments(self, settle_s: float = 1.0) -> dict[str, Proxy]:
        """Return all satellites heard within the time, name -> proxy, connected as far as they answer.

        Read a proxy's fields only; its methods belong to the loop.
        """

        async def look() -> dict[str, Proxy]:
            async with asyncio.timeout(settle_s + self.find_s):
                await asyncio.sleep(settle_s)
                living = {n: p for n, p in self._node.proxies.items() if p.state is not State.DEAD}
                waits = (proxy.wait_connected(self.find_s / 2) for proxy in living.values())
                await asyncio.gather(*waits, return_exceptions=True)
                return living

        return self._wait(look(), settle_s + self.find_s)

    def attributes(self, name: str) -> dict[str, Attribute]:
        """Return the attribute table of an instrument."""
        return self._with(name, lambda proxy: _value(dict(proxy.attributes)))

    def commands(self, name: str) -> dict[str, Command]:
        """Return the command table of an instrument."""
        return self._with(name, lambda proxy: _value(dict(proxy.commands)))

    def updates(self, name: str, *, find_s: float | None = None) -> dict[str, Update]:
        """Return the newest known values of an instrument; `find_s` instead of that of the client."""
        return self._with(name, lambda proxy: _value(dict(proxy.updates)), find_s=find_s)

    def state(self, name: str) -> State:
        """Return the state of an instrument."""
        return self._with(name, lambda proxy: _value(proxy.state))

    def get(self, name: str, attribute: str, timeout_s: float = 2.0) -> Update:
        """Read an attribute."""
        return self._with(name, lambda proxy: proxy.get(attribute, timeout_s), timeout_s)

    def set(
        self, name: str, attribute: str, value: Any, timeout_s: float = 2.0, *, wait_s: float = 0.0
    ) -> Reply:
        """Set an attribute; with `wait_s`, wait until the instrument has carried it out."""

        async def work(proxy: Proxy) -> Reply:
            reply = await proxy.set(attribute, value, timeout_s)
            return await _carried_out(proxy, attribute, reply, wait_s)

        return self._with(name, work, timeout_s + wait_s)

    def command(self, name: str, verb: str, *args: Any, timeout_s: float = 2.0, wait_s: float = 0.0) -> Reply:
        """Send a command; with `wait_s`, wait until the instrument has carried it out."""

        async def work(proxy: Proxy) -> Reply:
            reply = await proxy.command(verb, *args, timeout_s=timeout_s)
            return await _carried_out(proxy, verb, reply, wait_s)

        return self._with(name, work, timeout_s + wait_s)

    def transition(
        self,
        name: str,
        verb: str,
        payload: Any = None,
        *,
        until: State | None = None,
        timeout_s: float = 10.0,
    ) -> Reply:
        """Ask for a transition; with `until`, wait for that state."""

        async def work(proxy: Proxy) -> Reply:
            reply = await proxy.transition(verb, payload)
            if until is not None:
                await proxy.wait_state(until, timeout_s=timeout_s)
            return reply

        return self._with(name, work, timeout_s)

    def watch(self, name: str, callback: Callable[[str, Update], None]) -> Callable[[], None]:
        """Call back, in the loop's thread, for all current and new values; the result ends it."""
        end = self._with(name, lambda proxy: _value(proxy.listen(callback)))

        def stop() -> None:
            self._loop.call_soon_threadsafe(end)

        return stop

    def _with(
        self,
        name: str,
        work: Callable[[Proxy], Coroutine[Any, Any, T]],
        timeout_s: float = 0.0,
        *,
        find_s: float | None = None,
    ) -> T:
        within_s = self.find_s if find_s is None else find_s

        async def run() -> T:
            proxy = self._node.proxy(name)
            try:
                await proxy.wait_connected(within_s)
            except TimeoutError:
                if proxy.state is State.DEAD:
                    raise TimeoutError(self._absent(name)) from None
                raise
            return await work(proxy)

        return self._wait(run(), within_s + timeout_s)

    def _absent(self, name: str) -> str:
        group = self._node.group
        living = [p.name for p in self._node.proxies.values() if p.state is not State.DEAD]
        if not living:
            return f"{name}: nothing of station {group!r} is on the bus; is it up? (hitline up)"
        return f"no instrument {name!r} is on the bus; station {group!r} has {', '.join(sorted(living))}"

    def _wait(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        with asking(user()):
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s + ROUND_S)
        except BaseException:
            future.cancel()
            raise

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()


async def _carried_out(proxy: Proxy, name: str, reply: Reply, wait_s: float) -> Reply:
    """Wait for the end of what a request began, if there is time for it."""
    return replace(reply, cut=await proxy.wait_idle(name, reply, wait_s)) if wait_s else reply


async def _value(value: T) -> T:
    """Return a value that was read on the loop."""
    return value
