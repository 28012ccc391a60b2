"""Files that are there whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIDE_TABLES = ("tdc", "counted", "frame", "mark")
"""Tables that formats of one table per file put beside the first."""


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Give a path to write to; what is there at the end takes its place at `path`, side files beside it.

    Side files of an earlier export of the same name go, for they would not belong to this one.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        yield Path(folder) / path.name
        for table in SIDE_TABLES:
            side_file(path, table).unlink(missing_ok=True)
        for made in Path(folder).iterdir():
            os.replace(made, path.parent / made.name)


def side_file(path: Path, table: str) -> Path:
    """Where a format of one table per file puts another table: OUT.csv has OUT.tdc.csv beside it."""
    return path if table == "hits" else path.with_name(f"{path.stem}.{table}{path.suffix}")
