"""Settings that a plan changes, set back at its end."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator


def restored(
    plan: MsgGenerator[Any], signals: Sequence[Any], check: Callable[[], None] | None = None
) -> MsgGenerator[Any]:
    """Run `plan`, and set these signals back to what they are now, also when it fails or is aborted.

    `check` is called when they have been read and nothing has moved; what it raises ends the plan there.
    Raises ValueError before anything has moved when one of them is unknown: it could not be set back.
    """
    before: dict[Any, Any] = {}
    for signal in dict.fromkeys(signals):
        value = yield from bps.rd(signal)
        if isinstance(value, float) and math.isnan(value):
            raise ValueError(
                f"{signal.name} is unknown and could not be set back; nothing has moved. "
                "Is the instrument connected? (hitline status)"
            )
        before[signal] = value
    if check is not None:
        check()
    return (yield from bpp.finalize_wrapper(plan, lambda: moved(before)))


def moved(wanted: dict[Any, Any]) -> MsgGenerator[None]:
    """Set all of these at the same time, and wait for them."""
    if wanted:
        yield from bps.mv(*(part for pair in wanted.items() for part in pair))
