"""The kernel of decoding Katherine's 48-bit words: the fast twin of `bus.formats.katherine`."""

import numpy as np

from ...bus.formats.katherine_words import Header, Mode
from .jit import i8, kernel, table, u1, u2, vector
from .words import BACK

OFFSET, OPEN, FRESH, BASE, NEWEST, UNKNOWN = range(6)
"""Places in the state of a stream, int64[6]: upper part of the time; 1 while a frame is open; 1 until its
first pixel; time on which the frame's own begins; newest time; words without a public meaning."""


@kernel(
    i8(
        vector(u1, writable=False),
        vector(i8, writable=False),
        vector(i8, writable=False),
        table(i8, writable=False),
        vector(i8),
        vector(i8),
        vector(u2),
        vector(u2),
        vector(u2),
        vector(u2),
        vector(u1),
    )
)
def decode48(data, setup, known, places, state, t, x, y, tot, events, chips):  # type: ignore
    """Decode all whole words in `data`; gives the number of pixels.

    setup: as `Setup.vector` gives it. known: int64[16], 1 for headers with a meaning. Each frame begins
    at time 0; here it follows on the newest hit before it, `BACK` later. Without times (`EVENT_ITOT`) `t`
    is 0 and `tot` the integral of ToT; `events` is written only then.
    """
    generation, mode, fast = setup[0], setup[1], setup[2]
    coarse, phases, sequential = setup[3], setup[4], setup[5]
    phase_step, period = coarse // phases, np.int64(coarse) << 14
    timed, weighed = mode != Mode.EVENT_ITOT, mode == Mode.TOA_TOT
    offset, is_open, fresh, base, newest = state[0], state[1], state[2], state[3], state[4]
    n = np.uint64(0)
    for i in range(data.size // 6):
        at = np.uint64(6 * i)
        top = np.int64(data[at + np.uint64(5)])
        header = top >> 4
        low = (
            np.int64(data[at])
            | np.int64(data[at + np.uint64(1)]) << 8
            | np.int64(data[at + np.uint64(2)]) << 16
            | np.int64(data[at + np.uint64(3)]) << 24
        )
        if header == Header.PIXEL if generation == 1 else header < 4:
            px = ((np.int64(data[at + np.uint64(4)]) & 0xF) << 4) | low >> 28
            py = ((top & 0xF) << 4) | np.int64(data[at + np.uint64(4)]) >> 4
            chip = header if generation == 2 else 0
            if not is_open:
                is_open = fresh = 1
            place = places[np.uint64(chip)]
            x[n] = place[0] + place[1] * px + place[2] * py
            y[n] = place[3] + place[4] * px + place[5] * py
            chips[n] = chip
            middle = (low >> 4) & 0x3FF
            high = (low >> 14) & 0x3FFF
            if timed:
                tot[n] = middle if weighed else 0
                ticks = ((offset << 14) + high) * coarse
                ticks += ((px >> 1) & (phases - 1)) * phase_step - (low & 0xF if fast else 0)
                if sequential:
                    ticks &= period - 1
                if fresh:
                    base, fresh = newest + BACK, 0
                t[n] = base + ticks
                newest = max(newest, base + ticks)
            else:
                t[n], tot[n], events[n] = 0, high, middle
            n += np.uint64(1)
            continue
        state[UNKNOWN] += 1 - known[header]
        if header == Header.OFFSET:
            offset = low
        elif header == Header.NEW_FRAME:
            offset, is_open, fresh = 0, 1, 1
        elif header == Header.FINISHED or header == Header.ABORTED:
            offset, is_open = 0, 0
    state[0], state[1], state[2], state[3], state[4] = offset, is_open, fresh, base, newest
    return np.int64(n)
