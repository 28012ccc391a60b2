"""What a trace says, in words: by the protocol of the instrument where we know it."""

from collections.abc import Callable

Tell = Callable[[str, bool, bytes], str]
"""`tell(channel, sent, data)` in one line; to be called for all records of a trace in order."""

SHOWN_BYTES = 48


def teller(type: str) -> Tell:
    """Give what tells the records of an instrument of this type."""
    if type == "katherine":
        from .protocols.katherine.tell import Teller

        return Teller()
    return plain


def plain(channel: str, sent: bool, data: bytes) -> str:
    """Tell bytes of any instrument: as text where they are, else in hex; long ones cut short."""
    text = data.rstrip(b"\r\n")
    shown = repr(data)[1:] if text.isascii() and text.decode("latin-1").isprintable() else data.hex(" ")
    limit = 3 * SHOWN_BYTES
    return shown if len(shown) <= limit else f"{shown[:limit]}... ({len(data)} bytes)"
