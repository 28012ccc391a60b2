"""A preview keeps the newest part of a run only: old segments are removed, and their bytes are a gap."""

import itertools
from pathlib import Path

from .segment import segments


def trim(folder: Path, written: int, keep_bytes: int) -> int:
    """Remove the segments wholly before the newest `keep_bytes`; return the first offset that is left."""
    files = segments(folder)
    for segment, following in itertools.pairwise(files):
        if written - following.start < keep_bytes:
            return segment.start
        segment.path.unlink(missing_ok=True)
    return files[-1].start if files else 0
