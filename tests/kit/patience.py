"""How long tests wait: one limit, scaled for machines that are slow or busy."""

import math
import os

VARIABLE = "HITLINE_PATIENCE"


def scale(text: str) -> float:
    """Read the factor; an empty text is 1."""
    try:
        factor = float(text or 1)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise ValueError(f"{VARIABLE} is a number above 0 by which tests wait longer, not {text!r}")
    return factor


SCALE = scale(os.environ.get(VARIABLE, ""))
"""By which every limit of a wait is multiplied, and the runner's time-out of each test."""

WAIT_S = 30.0 * SCALE
"""How long a test waits for what must happen.

A wait ends as soon as it has happened, so a long limit costs nothing. A limit that is itself what a test
is about, or a wait for a thing that must not happen, has its own number in the test.
"""
