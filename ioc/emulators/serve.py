"""A device of bytes behind TCP or a serial line: bytes in, bytes out, faults in between.

The device is a function of bytes; this is all that is between it and a client. A serial line is a pty whose
name is published by a link, so that a driver opens it as it would a real port.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

Receive = Callable[[bytes], list[bytes]]


class Line:
    """Faults of the way between client and device; set at any time."""

    def __init__(self) -> None:
        self.silent = False
        """Nothing is answered."""
        self.garbage = 0
        """Answers to come that are replaced by noise."""
        self.late_s = 0.0
        """Delay of every answer."""
        self._due_s = 0.0

    def wait_s(self) -> float:
        """How long an answer waits that is made now: a line never has one overtake another."""
        now_s = asyncio.get_running_loop().time()
        self._due_s = max(now_s + self.late_s, self._due_s)
        return self._due_s - now_s

    def damaged(self, data: bytes) -> bytes:
        """What of an answer reaches the client."""
        if self.silent:
            return b""
        if self.garbage:
            self.garbage -= 1
            return bytes(byte ^ 0x5A for byte in data)
        return data


class TcpServer:
    """Serves one device to any number of clients."""

    def __init__(self, receive: Receive, line: Line) -> None:
        self._receive, self._line = receive, line
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, address: str, port: int) -> int:
        """Listen; give the port. OSError when it is taken."""
        self._server = await asyncio.start_server(self._client, address, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """Break all connections, as a pulled cable does not and a reboot does."""
        for writer in self._clients:
            writer.transport.abort()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while data := await reader.read(4096):
                for reply in self._receive(data):
                    if (wait_s := self._line.wait_s()) > 0:
                        task = asyncio.create_task(self._later(writer, reply, wait_s))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
                    else:
                        writer.write(self._line.damaged(reply))
        except OSError:
            pass
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _later(self, writer: asyncio.StreamWriter, reply: bytes, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        writer.write(self._line.damaged(reply))


class PtyServer:
    """Serves one device on a pseudo terminal."""

    def __init__(self, receive: Receive, line: Line) -> None:
        self._receive, self._line = receive, line
        self._link: Path | None = None

    def open(self, link: Path) -> None:
        """Make the terminal, and a link to it at `link`; FileExistsError where something else lies there."""
        import pty
        import tty

        if link.is_symlink() and str(link.readlink()).startswith("/dev/pts/"):
            link.unlink()  # an emulator left it that was killed
        elif os.path.lexists(link):
            raise FileExistsError(f"{link} is there already: name another place for the serial line")
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        link.symlink_to(os.ttyname(self._theirs))
        self._link = link
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def close(self) -> None:
        """Take it away."""
        if self._link is not None:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)
            self._link.unlink(missing_ok=True)
            self._link = None

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            for reply in self._receive(os.read(self._ours, 4096)):
                if (wait_s := self._line.wait_s()) > 0:
                    asyncio.get_running_loop().call_later(wait_s, self._write, reply)
                else:
                    self._write(reply)

    def _write(self, reply: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._ours, self._line.damaged(reply))
