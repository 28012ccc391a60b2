"""Decoded tables into files: npz, csv, parquet, HDF5, by the ending of the name.

A file comes into being in a folder of its own and takes its place only when it is whole (`placed`); an export
that fails leaves nothing behind. csv, parquet and HDF5 are written as the parts come; npz needs the lengths
first, so its columns are gathered, in their compact types.
"""

import importlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .recording import Columns, Tables

SIDE_TABLES = ("tdc", "counted", "frame", "mark")
"""Tables that formats of one table per file put beside the first."""
ROWS = 1 << 16
"""Rows of text made at a time."""


class Writer(Protocol):
    """Takes the parts of tables, then what is known in the end."""

    def write(self, tables: Tables) -> None:
        """Append to each table; the same columns every time."""

    def finish(self, header: dict[str, Any], images: Columns) -> None:
        """Write the header and pictures; the file is whole then."""

    def close(self) -> None:
        """Let go of open files; what they hold is of use only after `finish`."""


def writer_for(path: Path) -> Callable[[Path], Writer]:
    """The writer for a name's ending; ValueError says which there are, or what has to be installed."""
    if path.suffix not in WRITERS:
        raise ValueError(
            f"{path}: cannot write {path.suffix or 'a file without ending'}; use {', '.join(WRITERS)}"
        )
    needs, writer = WRITERS[path.suffix]
    try:
        importlib.import_module(needs)
    except ImportError:
        raise ValueError(
            f"{path}: {path.suffix} needs {needs}, which is not installed (hitline[parquet])"
        ) from None
    return writer


def side_file(path: Path, table: str) -> Path:
    """Where a format of one table per file puts another table: OUT.csv has OUT.tdc.csv beside it."""
    return path if table == "hits" else path.with_name(f"{path.stem}.{table}{path.suffix}")


def side_files(path: Path) -> list[Path]:
    """Every file that an export of this name may put beside it."""
    header = [path.with_suffix(".json")] if path.suffix == ".csv" else []
    tables = SIDE_TABLES if path.suffix in (".csv", ".parquet") else ()
    return header + [side_file(path, table) for table in tables]


class Npz:
    """numpy's archive; every column int64: those of hits by their names, others as `table_column`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[str, list[NDArray]] = {}

    def write(self, tables: Tables) -> None:
        """Gather columns."""
        for table, columns in tables.items():
            for name, column in columns.items():
                self._parts.setdefault(name if table == "hits" else f"{table}_{name}", []).append(column)

    def finish(self, header: dict[str, Any], images: Columns) -> None:
        """Write everything, one column after the other, so that only one is there in full width."""
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name in list(self._parts):
                self._member(archive, name, np.concatenate(self._parts.pop(name)).astype(np.int64))
            for name, image in images.items():
                self._member(archive, name, image)
            self._member(archive, "header", np.array(json.dumps(header)))

    def _member(self, archive: zipfile.ZipFile, name: str, array: NDArray) -> None:
        with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, array, allow_pickle=False)

    def close(self) -> None:
        """Nothing is open between calls."""


class Csv:
    """Text with a line of names; a file per table; the header in OUT.json, pictures left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, Any] = {}

    def write(self, tables: Tables) -> None:
        """Append lines."""
        for table, columns in tables.items():
            rows = len(next(iter(columns.values())))
            if not rows and table != "hits":
                continue
            if table not in self._files:
                self._files[table] = side_file(self._path, table).open("w", encoding="ascii")
                self._files[table].write(",".join(columns) + "\n")
            line = ",".join(["%d"] * len(columns)) + "\n"
            for at in range(0, rows, ROWS):
                # All columns in one array of wide integers, filled into the text row after row.
                block = np.array([column[at : at + ROWS] for column in columns.values()], np.int64)
                self._files[table].write(line * block.shape[1] % tuple(block.T.ravel().tolist()))

    def finish(self, header: dict[str, Any], images: Columns) -> None:
        """Write the header beside."""
        self.close()
        self._path.with_suffix(".json").write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Close the tables."""
        for file in self._files.values():
            file.close()


class Hdf5:
    """A group per table, a dataset per column with its unit; the header as attribute of the file."""

    def __init__(self, path: Path) -> None:
        h5py = importlib.import_module("h5py")
        self._file = h5py.File(path, "w")

    def write(self, tables: Tables) -> None:
        """Append rows."""
        for table, columns in tables.items():
            for name, column in columns.items():
                key = f"{table}/{name}"
                if key not in self._file:
                    self._file.create_dataset(
                        key,
                        (0,),
                        column.dtype,
                        maxshape=(None,),
                        chunks=(ROWS,),
                        shuffle=True,
                        compression="lzf",
                    )
                dataset = self._file[key]
                dataset.resize(len(dataset) + len(column), axis=0)
                dataset[len(dataset) - len(column) :] = column

    def finish(self, header: dict[str, Any], images: Columns) -> None:
        """Write pictures, units and the header."""
        for name, image in images.items():
            self._file.create_dataset(name, data=image, compression="lzf")
        for key, unit in header["units"].items():
            if key in self._file:
                self._file[key].attrs["units"] = unit
        self._file.attrs["header"] = json.dumps(header)
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Parquet:
    """Columns in their compact types; a file per table; the header in the metadata, pictures left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrow = importlib.import_module("pyarrow")
        self._parquet = importlib.import_module("pyarrow.parquet")
        self._files: dict[str, Any] = {}

    def write(self, tables: Tables) -> None:
        """Append a row group."""
        for table, columns in tables.items():
            rows = self._arrow.table(columns)
            if not len(rows) and table != "hits":
                continue
            if table not in self._files:
                path = side_file(self._path, table)
                self._files[table] = self._parquet.ParquetWriter(path, rows.schema)
            self._files[table].write_table(rows)

    def finish(self, header: dict[str, Any], images: Columns) -> None:
        """Write the header."""
        for file in self._files.values():
            file.add_key_value_metadata({"header": json.dumps(header)})
        self.close()

    def close(self) -> None:
        """Close the tables."""
        for file in self._files.values():
            file.close()


WRITERS: dict[str, tuple[str, Callable[[Path], Writer]]] = {
    ".npz": ("numpy", Npz),
    ".csv": ("numpy", Csv),
    ".parquet": ("pyarrow", Parquet),
    ".h5": ("h5py", Hdf5),
}
"""By ending: the module that it needs, and the writer."""
