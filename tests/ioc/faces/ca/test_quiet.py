"""One line per second, kind and peer, without a traceback, and with the number of those kept back."""

import logging

from hitline.ioc.faces.ca.quiet import PEERS, Quiet


def record(text: str, *args: object, peer: str = "", error: Exception | None = None) -> logging.LogRecord:
    raised = (type(error), error, None) if error else None
    made = logging.LogRecord("caproto.circ", logging.WARNING, "f", 1, text, args, raised)
    made.peer = peer
    return made


def test_second_line_waits_for_the_next_second():
    now = [0.0]
    quiet = Quiet(lambda: now[0])
    assert quiet.filter(record("bad %s", 1, peer="a"))
    assert not any(quiet.filter(record("bad %s", n, peer="a")) for n in range(5))
    assert quiet.filter(record("bad %s", 1, peer="b"))
    assert quiet.filter(record("other", peer="a"))
    now[0] = 1.0
    last = record("bad %s", 7, peer="a", error=ValueError("x" * 1000))
    assert quiet.filter(last)
    text = last.getMessage()
    assert text.startswith("bad 7: ValueError(") and len(text) <= 500 and last.exc_info is None


def test_how_many_were_kept_back_is_said():
    now = [0.0]
    quiet = Quiet(lambda: now[0])
    for _ in range(4):
        quiet.filter(record("bad"))
    now[0] = 5.0
    last = record("bad")
    assert quiet.filter(last) and "3 more" in last.getMessage()


def test_memory_is_bounded():
    quiet = Quiet(lambda: 0.0)
    for n in range(3 * PEERS):
        quiet.filter(record("bad", peer=str(n)))
    assert len(quiet._last) <= PEERS
