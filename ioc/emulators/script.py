"""What an instrument said to what, by a trace: pure, for any transport.

Each request is answered as the same bytes were in the trace: the first time as the first time, and so on, and
once more like the last time when it comes oftener. What is not in the trace is not answered, and counted.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hitline.ioc.trace_file import Record, Skipped

from ..protocols.katherine.message import Request
from ..protocols.katherine.opcodes import SILENT

Timed = tuple[int, bytes]
"""Nanoseconds after the request, bytes."""


@dataclass(slots=True)
class Turn:
    """What one request brought about."""

    t_ns: int
    answers: list[Timed] = field(default_factory=list)
    """On the request's channel."""
    stream: list[Timed] = field(default_factory=list)
    """On other channels, until the next request that may begin such."""


def _katherine_silent(request: bytes) -> bool:
    read = Request.decode(request) if len(request) == 8 else None
    return read is not None and read.op in SILENT


SILENCES: dict[str, Callable[[bytes], bool]] = {"katherine": _katherine_silent}
"""By type of instrument: requests that are answered by the stream alone (start, stop). No answer is taken for
one to them, no data for one to others. Of other types, whatever comes belongs to the request before it."""


class Script:
    """A trace, ready to be played."""

    def __init__(self, records: Iterable[Record | Skipped], type: str = "") -> None:
        self._turns: dict[bytes, deque[Turn]] = {}
        self.matched = 0
        """Requests that were answered as in the trace."""
        self.repeated = 0
        """Requests that came oftener than in the trace."""
        self.unknown: dict[bytes, int] = {}
        """Requests that are not in the trace: how often each came."""
        self.early = 0
        """Records of the trace that no request came before: never sent."""
        self.skipped: list[Skipped] = []
        """What the trace itself says that it lacks."""
        self._read(records, SILENCES.get(type))

    def reply(self, request: bytes) -> Turn | None:
        """What `request` brings about now; None when the trace does not know it."""
        turns = self._turns.get(request)
        if turns is None:
            self.unknown[request] = self.unknown.get(request, 0) + 1
            return None
        if len(turns) > 1:
            self.matched += 1
            return turns.popleft()
        if turns[0].t_ns < 0:
            self.repeated += 1
        else:
            self.matched += 1
        played = Turn(turns[0].t_ns, turns[0].answers, turns[0].stream)
        turns[0].t_ns = -1
        return played

    def _read(self, records: Iterable[Record | Skipped], silent: Callable[[bytes], bool] | None) -> None:
        asked: dict[str, Turn] = {}
        began: Turn | None = None
        for record in records:
            if isinstance(record, Skipped):
                self.skipped.append(record)
            elif record.sent:
                turn = Turn(record.t_ns)
                self._turns.setdefault(record.data, deque()).append(turn)
                if silent is None or silent(record.data):
                    began = turn
                if silent is None or not silent(record.data):
                    asked[record.channel] = turn
            elif answered := asked.get(record.channel):
                answered.answers.append((record.t_ns - answered.t_ns, record.data))
            elif began:
                began.stream.append((record.t_ns - began.t_ns, record.data))
            else:
                self.early += 1
