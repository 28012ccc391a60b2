"""The one error of this room: what is wrong, in which file and line, and what to do about it."""


class DbError(ValueError):
    """A database, substitutions or access file that cannot be used."""

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(f"{file}:{line}: {text}" if line else f"{file}: {text}")
        self.file = file
        self.line = line
        """1 is the first line; 0 when the whole file is meant."""
        self.text = text
