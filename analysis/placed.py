"""Files that are there whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def placed(path: Path, stale: Iterable[Path] = ()) -> Iterator[Path]:
    """Give a path to write to; what is there at the end takes its place at `path`, side files beside it.

    stale: files beside it that an earlier one may have left and that would not belong to this one; they go.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        yield Path(folder) / path.name
        for left in stale:
            left.unlink(missing_ok=True)
        for made in Path(folder).iterdir():
            os.replace(made, path.parent / made.name)
