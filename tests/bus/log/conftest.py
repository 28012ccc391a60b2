"""Logs, feeds and readers that end with their test."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hitline.bus.log.block import Kind
from hitline.bus.log.feed import Cursor, FeedClient, FeedServer
from hitline.bus.log.writer import LogWriter
from kit.patience import WAIT_S


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FeedServer]:
    server = FeedServer(tmp_path, "det1")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def writer(tmp_path: Path, server: FeedServer) -> Iterator[LogWriter]:
    writer = LogWriter(tmp_path, "det1", ring_bytes=8 * 2**20, on_marks=server.notify)
    yield writer
    writer.close()


class Reader:
    """Follows a feed in a thread and keeps what comes."""

    def __init__(self, client: FeedClient, cursor: Cursor | None) -> None:
        self.client, self.cursor = client, cursor
        self.got: list[tuple[str, int, int, bytes]] = []
        self.cursors: list[Cursor] = []
        self.stop = threading.Event()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="reader")
        self._thread.start()

    def _run(self) -> None:
        try:
            for cursor, header, payload in self.client.follow(self.cursor, self.stop):
                with self._changed:
                    self.got.append((cursor.run, header.kind, header.seq, bytes(payload)))
                    self.cursors.append(cursor)
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error

    def wait(self, condition: Callable[["Reader"], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._error or condition(self), WAIT_S), self.got[-5:]
        assert self._error is None, self._error

    def wait_closed(self, run: str) -> None:
        self.wait(lambda r: any(name == run and kind == Kind.CLOSE for name, kind, _, _ in r.got))

    def end(self) -> None:
        self.stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


@pytest.fixture
def follow() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def start(address: object, cursor: Cursor | None = None, **options: int) -> Reader:
        if isinstance(address, FeedServer):
            address = f"tcp://127.0.0.1:{address.port}"
        readers.append(Reader(FeedClient(address, "det1", **options), cursor))  # type: ignore[arg-type]
        return readers[-1]

    yield start
    for reader in readers:
        reader.end()
