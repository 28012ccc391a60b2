"""A client that behaves as the public C library (libkatherine 1.0.1) does, written from its description.

Sockets on all addresses with SO_REUSEADDR, 100 ms of patience, datagrams of other hosts left out, any eight
bytes taken for the answer. It blocks, so it lives in a thread of its own.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hitline.bus.formats.katherine_words import from_bytes, headers_of

PATIENCE_S = 0.1
STRAYS = 32


class Silence(Exception):
    """No answer came in time."""


class LibClient:
    """`call` runs one of the blocking methods in the client's thread."""

    def __init__(self, readout: tuple[str, int], control_port: int, data_port: int) -> None:
        self.readout = readout
        self.control, self.data = _bound(control_port), _bound(data_port)
        self._thread, self._pause = ThreadPoolExecutor(1, "lib-client"), threading.Event()

    async def call(self, method: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: method(*args, **more))

    def close(self) -> None:
        self._thread.shutdown()
        self.control.close()
        self.data.close()

    # In its thread.

    def send(self, op: int, value: int | float = 0, index: int = 0, chip: int = 0) -> None:
        payload = struct.pack("<f", value) if isinstance(value, float) else struct.pack("<I", value)
        self.raw(payload + bytes((index, chip, op & 0xFF, op >> 8)))

    def raw(self, data: bytes) -> None:
        self.control.sendto(data, self.readout)

    def receive(self, waits: int = 1) -> bytes:
        """The next answer; after so many times 100 ms of nothing it is a Silence."""
        for _ in range(waits):
            for _ in range(STRAYS):
                try:
                    answer, sender = self.control.recvfrom(2048)
                except TimeoutError:
                    break
                if sender[0] == self.readout[0]:
                    assert sender[1] == self.readout[1], "from the port that the command went to"
                    return answer
        raise Silence

    def ask(self, op: int, value: int | float = 0, index: int = 0, *, chip: int = 0, waits: int = 1) -> bytes:
        self.send(op, value, index, chip)
        return self.receive(waits)

    def is_silent(self, op: int, value: int = 0, index: int = 0) -> bool:
        try:
            self.ask(op, value, index)
        except Silence:
            return True
        return False

    def drain(self, most: int = 512) -> int:
        """Put away answers until 100 ms of silence."""
        count = 0
        while count < most:
            try:
                self.receive()
            except Silence:
                break
            count += 1
        return count

    def upload(self, matrix: bytes, *, piece: int = 1024, leave_out: int = 0, waits: int = 10) -> bytes:
        """Command 0x12 and the matrix; of the pieces number `leave_out` (from 1) is not sent."""
        self.send(0x12)
        for number, at in enumerate(range(0, len(matrix), piece), 1):
            if number != leave_out:
                self.raw(matrix[at : at + piece])
            if number % 16 == 0:
                self._pause.wait(0.01)  # as the library paces itself
        return self.receive(waits)

    def recover(self) -> int:
        """What the library does after an upload without an answer; gives how many answers it put away."""
        for number in range(1, 193):
            self.raw(b"\x15" * 1024)
            if number % 16 == 0:
                self._pause.wait(0.01)  # likewise
        return self.drain()

    def configure(self, setup: "Setup") -> list[bytes]:
        """The whole sequence, every step waits for its answer; gives the answers."""
        answers = [self.upload(setup.matrix)]
        for op, value, index in setup.commands():
            answers.append(self.ask(op, value, index, waits=50 if op == 0x26 else 1))
        return answers

    def start(self, data_driven: bool = True, mode: int = 0x80) -> None:
        """0x05, 0x09, 0x03; only the second is answered."""
        self.send(0x05, int(data_driven))
        self.ask(0x09, mode)
        self.send(0x03, int(data_driven))

    def words(self, quiet_s: float = 0.3, finished: int = 1) -> np.ndarray:
        """Words of all datagrams until so many frames have ended, an abort, or silence."""
        parts: list[np.ndarray] = []
        self.data.settimeout(quiet_s)
        seen = 0
        while seen < finished:
            try:
                data, sender = self.data.recvfrom(65536)
            except TimeoutError:
                break
            if sender[0] != self.readout[0]:
                continue
            parts.append(from_bytes(data))
            headers = headers_of(parts[-1])
            seen += int(np.count_nonzero(headers == 0xC))
            if np.any(headers == 0xE):
                break
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


class Setup:
    """What the library sends to configure, in its order."""

    def __init__(
        self,
        *,
        matrix: bytes = bytes(65536),
        acquire_s: float = 0.1,
        frames: int = 1,
        bias_v: float = 100.0,
        triggers: int = 0,
        general: int = 0x59,
        pll: int = 0x281E,
        dacs: dict[int, int] | None = None,
        pulses: tuple[int, int] | None = None,
    ) -> None:
        self.matrix, self.frames, self.bias_v, self.triggers = matrix, frames, bias_v, triggers
        self.steps = int(acquire_s * 1e9) // 10
        self.general, self.pll, self.pulses = general, pll, pulses
        codes = [128, 8, 128, 15, 164, 476, 8, 100, 8, 128, 8, 128, 128, 128, 128, 256, 128, 128]
        self.dacs = [(dacs or {}).get(index, code) for index, code in enumerate(codes)]

    def commands(self) -> list[tuple[int, int | float, int]]:
        listed: list[tuple[int, int | float, int]] = [
            (0x07, 5, 0),
            (0x07, 9, 0),
            (0x01, self.steps & 0xFFFFFFFF, 0),
            (0x0A, self.steps >> 32, 0),
            (0x13, self.frames, 0),
            (0x02, self.bias_v, 0),
            (0x21, self.triggers, 5),
            (0x08, self.general, 4),
            (0x08, self.pll, 3),
            (0x07, 14, 0),
            (0x07, 0, 0),
            (0x07, 4, 0),
            *((0x04, code, index) for index, code in enumerate(self.dacs)),
            (0x07, 1, 0),
        ]
        return [*listed, (0x26, *self.pulses)] if self.pulses else listed


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind(("0.0.0.0", port))
    made.settimeout(PATIENCE_S)
    return made
