"""Hits joined to the positions of a stage that flew, from the logs of a run, with method and error."""

from .join import Row, join_run
from .store import load_rows, save_rows

__all__ = ["Row", "join_run", "load_rows", "save_rows"]
