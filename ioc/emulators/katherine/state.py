"""The control side of an emulated Katherine: a datagram in, what follows of it out; no sockets.

What is answered to what, and how, stands in `katherine_answers`; here is what holds for all commands.
"""

from collections.abc import Callable

from ...protocols.katherine.hardware import ChipId, Status
from ...protocols.katherine.matrix import BYTES, Pixels
from ...protocols.katherine.message import Request
from ...protocols.katherine.opcodes import SILENT, Op
from .answers import HANDLERS
from .chip import Chip
from .effects import Effect, ack
from .knobs import KatherineEmulatorOptions, Knobs

PIXEL_BITS = bytes(byte & 0x3F for byte in range(256))
"""Bits of the byte of a pixel that are kept."""


class Readout:
    """What a readout knows and does; `clock_ns` is monotonic."""

    def __init__(self, options: KatherineEmulatorOptions, knobs: Knobs, clock_ns: Callable[[], int]) -> None:
        self.knobs, self.generation = knobs, options.gen
        self.chip = Chip(clock_ns)
        self.status = Status(1 if options.gen == 1 else 3, options.revision, options.serial, options.firmware)
        self.chip_id = ChipId.parse(options.chip_id)
        self.acquiring: Callable[[], bool] = lambda: False
        """Whether an acquisition goes on; it is somebody else who knows."""
        self.generator = [0] * 8
        """Words of the trigger generator."""
        self.commands = self.uploads = 0
        self.chunks = 0
        """Datagrams of the upload that goes on."""
        self.uploading = False
        """Every datagram counts as pixel configuration."""
        self._stream = bytearray()

    def reboot(self) -> None:
        """Forget all that was set."""
        self.chip.power_up()
        self.uploading, self.generator = False, [0] * 8

    def receive(self, datagram: bytes) -> list[Effect]:
        """Carry out one datagram.

        Of one longer than 8 bytes the first 8 count, a shorter one is ignored, and a command without a
        meaning is not answered: hardware has no branch for it.
        """
        if self.uploading:
            return self._take(datagram)
        request = Request.decode(datagram)
        if request is None:
            return []
        self.commands += 1
        if request.op == Op.SET_PIXELS:
            self.uploading, self.chunks, self._stream = True, 0, bytearray()
            return []
        if handler := HANDLERS.get(request.op):
            return handler(self, request)
        return ack(request.op) if self.knobs.unknown_ack and request.op not in SILENT else []

    def _take(self, datagram: bytes) -> list[Effect]:
        """Take a piece of an upload: only the count of bytes matters, and what is too much is ignored."""
        self.chunks += 1
        self._stream += datagram
        if len(self._stream) < BYTES:
            return []
        self.chip.upload = Pixels.of_upload(bytes(self._stream[:BYTES]).translate(PIXEL_BITS))
        self.uploading = False
        self.uploads += 1
        return ack(Op.SET_PIXELS)
