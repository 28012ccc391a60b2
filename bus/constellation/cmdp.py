"""CMDP version 1: metrics, log lines and the lists of what there is to subscribe to.

Source: Constellation, "Constellation Monitoring Distribution Protocol". Three frames: topic, header
(protocol, sender, time, tags), payload. Topics: `STAT/<NAME>` (payload: value, 0, unit),
`LOG/<LEVEL>[/<TOPIC>]` (payload: UTF-8 text), `STAT?` and `LOG?` (payload: map of topic to description).
Names are upper case on the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .pack import Malformed, frames_expected, header, open_header, pack, text, unpack

PROTOCOL = "CMDP\x01"
LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "STATUS", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Metric:
    """One value; its time is when it was taken."""

    sender: str
    time_ns: int
    name: str
    value: Any
    unit: str = ""
    tags: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Log:
    """One log line."""

    sender: str
    time_ns: int
    level: str
    topic: str
    text: str
    tags: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topics:
    """What a sender has: `prefix` is STAT or LOG, `topics` name -> description."""

    sender: str
    time_ns: int
    prefix: str
    topics: dict[str, str]
    tags: dict[str, Any] = field(default_factory=dict)


def encode(message: Metric | Log | Topics) -> list[bytes]:
    """Return the three frames."""
    if isinstance(message, Metric):
        topic = f"STAT/{message.name.upper()}"
        payload = pack(message.value, 0, message.unit)
    elif isinstance(message, Log):
        topic = "/".join(filter(None, ("LOG", message.level, message.topic.upper())))
        payload = message.text.encode()
    else:
        topic, payload = f"{message.prefix}?", pack(message.topics)
    return [topic.encode(), header(PROTOCOL, message.sender, message.time_ns, message.tags), payload]


def decode(frames: Sequence[bytes]) -> Metric | Log | Topics:
    """Return the message in three frames, or raise Malformed."""
    frames_expected(frames, 3)
    prefix, mark, name = _split(text(frames[0]))
    sender, time_ns, tags = open_header(PROTOCOL, frames[1], dict)
    if mark == "?":
        (topics,) = unpack(frames[2], dict)
        if not all(type(value) is str for pair in topics.items() for value in pair):
            raise Malformed("list of topics holds something else than text")
        return Topics(sender, time_ns, prefix, topics, tags)
    if prefix == "LOG":
        level, _, topic = name.partition("/")
        if level not in LEVELS:
            raise Malformed(f"log level {level!r} is none of {', '.join(LEVELS)}")
        return Log(sender, time_ns, level, topic, text(frames[2]), tags)
    value, _, unit = unpack(frames[2], object, object, str)
    return Metric(sender, time_ns, name, value, unit, tags)


def _split(topic: str) -> tuple[str, str, str]:
    """Return prefix, "/" or "?", and the rest."""
    for prefix in ("STAT", "LOG"):
        rest = topic.removeprefix(prefix)
        if rest != topic and (rest == "?" or (rest[:1] == "/" and len(rest) > 1)):
            return prefix, rest[0], rest[1:]
    raise Malformed(f"topic {topic[:80]!r} is neither metric, log line nor list")
