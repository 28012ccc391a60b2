"""Upload of the pixel configuration, in a pace that the readout can follow, and what to do when part is lost.

After the command the readout counts 65536 bytes and takes every datagram for some of them, also commands.
When a datagram is lost on the way it goes on counting: so the rest is filled up with bytes that are no
command if there are too many of them, and the upload is done again. Numbers and order as in libkatherine.
"""

import asyncio
from collections.abc import Iterator

from ...protocols.katherine.commands import set_pixels
from ...protocols.katherine.matrix import CHUNK, Pixels
from ...protocols.katherine.opcodes import Op
from .link import Link, Silence

GROUP = 16
"""Datagrams sent in one go; a receive buffer of 16 KiB must hold them."""
PAUSE_S = 0.01
ATTEMPTS = 10
FILLER = b"\x15" * CHUNK
"""Read as a command its number is 0x1515, which is none."""
FILLERS = 192
QUIET_S, REST_S = 0.1, 0.3
MOST_QUIET = 50
"""Looks for a quiet line: a readout that never falls silent is no reason to wait for ever."""


async def upload(link: Link, pixels: Pixels, chip: int = 0) -> int:
    """Send the configuration of all pixels; return how many attempts were needed. Raises Silence."""
    stream = pixels.upload()
    async with link.turn:
        await link.settle()
        for attempt in range(1, ATTEMPTS + 1):
            link.drain()
            link.send(set_pixels(chip).encode())
            await _paced(link, (stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)))
            try:
                await link.wait(Op.SET_PIXELS)
                return attempt
            except Silence:
                await _fill(link)
    raise Silence(
        f"{link.address} did not confirm its pixels in {ATTEMPTS} uploads: check the network for losses"
    )


async def rescue(link: Link) -> None:
    """Free a readout that still waits for the rest of an upload that somebody gave up. Raises Silence."""
    async with link.turn:
        await _fill(link)


async def _fill(link: Link) -> None:
    """Send more than any upload can lack, then wait until the line is quiet."""
    await _paced(link, (FILLER for _ in range(FILLERS)))
    for _ in range(MOST_QUIET):
        strays = link.strays
        await asyncio.sleep(QUIET_S)
        link.drain()
        if link.strays == strays:
            break
    await asyncio.sleep(REST_S)


async def _paced(link: Link, chunks: Iterator[bytes]) -> None:
    for number, chunk in enumerate(chunks):
        # Before, not after: the answer may come at once, and must find who waits for it.
        if number and number % GROUP == 0:
            await asyncio.sleep(PAUSE_S)
        link.send(chunk)
