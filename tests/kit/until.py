"""Wait for a condition: on an event loop, by looks or at news, and in a thread or a client program."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from kit.patience import WAIT_S

Forget = Callable[[], object]
Listen = Callable[[Callable[..., None]], Forget]
"""Takes a callback for news of any arguments, and returns what ends it; `proxy.listen` is one."""

LOOK_S, BLOCKING_LOOK_S = 0.002, 0.02


async def until(
    condition: Callable[[], Any],
    limit_s: float = WAIT_S,
    *,
    listen: Listen | None = None,
    what: str | Callable[[], str] = "",
) -> Any:
    """Return the first true value of a condition, looked at when there is news, or often without `listen`.

    `what` says in a failure what was awaited, and as a function also what there is instead.
    """
    news = asyncio.Event()
    forget = listen(lambda *_: news.set()) if listen else None
    try:
        async with asyncio.timeout(limit_s) as limit:
            while not (value := condition()):
                await (news.wait() if listen else asyncio.sleep(LOOK_S))
                news.clear()
        return value
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(_failure(condition, limit_s, what)) from None
    finally:
        if forget:
            forget()


def wait_until(
    condition: Callable[[], Any],
    limit_s: float = WAIT_S,
    *,
    what: str | Callable[[], str] = "",
    but: tuple[type[Exception], ...] = (),
) -> Any:
    """As `until`, where no loop runs; exceptions of types `but` are a no, and the failure names the last."""
    pause, end_s, trouble = threading.Event(), time.monotonic() + limit_s, ""
    while True:
        try:
            if value := condition():
                return value
        except but as error:
            trouble = f" ({type(error).__name__}: {error})"
        if time.monotonic() > end_s:
            raise AssertionError(_failure(condition, limit_s, what) + trouble)
        pause.wait(BLOCKING_LOOK_S)


def heard(instrument: Any) -> Listen:
    """The news of an instrument without a bus, by its `on_update`."""

    def listen(callback: Callable[..., None]) -> Forget:
        before = instrument.on_update

        def noted(name: str, update: Any) -> None:
            before(name, update)
            callback(name, update)

        def forget() -> None:
            if instrument.on_update is noted:  # else another waits behind it, and goes on with it in between
                instrument.on_update = before

        instrument.on_update = noted
        return forget

    return listen


def _failure(condition: Callable[[], Any], limit_s: float, what: str | Callable[[], str]) -> str:
    code = getattr(condition, "__code__", None)
    place = f"the condition at {code.co_filename}:{code.co_firstlineno}" if code else repr(condition)
    return f"not within {limit_s:g} s: {(what() if callable(what) else what) or place}"
