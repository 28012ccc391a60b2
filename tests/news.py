"""Wait for news of an instrument."""

import asyncio
from collections.abc import Callable
from typing import Any


async def until(instrument: Any, condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait until what an instrument publishes makes the condition true."""
    news = asyncio.Event()
    before = instrument.on_update

    def noted(name: str, update: Any) -> None:
        before(name, update)
        news.set()

    instrument.on_update = noted
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                news.clear()
                await news.wait()
    finally:
        if instrument.on_update is noted:  # else another waits behind it, and goes on with it in between
            instrument.on_update = before
