"""Which run of which source a log is, and where its files are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run of which source, and where its folder is."""

    root: Path
    run: str
    source: str
    ordinal: int
    preview: bool = False

    @property
    def folder(self) -> Path:
        """Folder of the segments."""
        return self.root / self.run / self.source

    @property
    def reserve(self) -> Path:
        """File that holds the space for an orderly end on a full disk."""
        return self.root / f".reserve-{self.source}"
