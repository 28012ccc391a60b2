"""When the shutter opens and closes: acquisition time, triggers, and test pulses while it is open."""

from dataclasses import dataclass

STEPS_PER_S = 100_000_000
"""The acquisition time is sent in steps of 10 ns."""
TRIGGER_INDEX = 0x05
"""Byte 4 of command 0x21."""
NO_LIMIT = (1 << 64) - 1
"""Longest acquisition time, steps: 5800 years."""


def encode_time(seconds: float) -> int:
    """Acquisition time in steps of 10 ns, the nearest; ValueError when there is none.

    libkatherine takes nanoseconds and rounds down. Its later version notes that the second generation may
    want another encoding, which is not public.
    """
    if not 1.0 <= seconds * STEPS_PER_S < 2.0**64:
        raise ValueError(f"acquisition time of {seconds} s: must be 1e-8 (10 ns) to 1.8e11 s")
    return round(seconds * STEPS_PER_S)


@dataclass(frozen=True, slots=True)
class Edge:
    """One trigger condition; layout of its byte by generation (the second one's by libkatherine 2.0-dev)."""

    enabled: bool = False
    channel: int = 0
    falling: bool = False
    delayed: bool = False
    """Start only: the shutter stays closed until the trigger comes."""

    def encode(self, generation: int = 1) -> int:
        """Its byte."""
        bits = _channel_bits(generation)
        if not 0 <= self.channel < 1 << bits:
            raise ValueError(
                f"trigger channel {self.channel}: must be 0 to {(1 << bits) - 1} in generation {generation}"
            )
        if not self.enabled:
            return 0
        return 1 | self.channel << 1 | self.falling << 1 + bits | self.delayed << 2 + bits

    @classmethod
    def decode(cls, value: int, generation: int = 1) -> "Edge":
        """Read its byte."""
        bits = _channel_bits(generation)
        return cls(
            bool(value & 1),
            value >> 1 & (1 << bits) - 1,
            bool(value >> 1 + bits & 1),
            bool(value >> 2 + bits & 1),
        )


def _channel_bits(generation: int) -> int:
    return 3 if generation == 1 else 4


@dataclass(frozen=True, slots=True)
class TestPulses:
    """Command 0x26; only pixels with the test bit get pulses, while the shutter is open."""

    __test__ = False  # not a test, whatever pytest thinks of its name

    enabled: bool = False
    count: int = 1
    """1 to 65535."""
    period: int = 65
    """Clocks, 65 to 16321 in steps of 64."""
    phase: int = 0
    """0 to 15."""
    digital: bool = False
    external: bool = False

    def encode(self) -> tuple[bytes, int]:
        """(payload, byte 4); raises ValueError for what the chip cannot do."""
        if not self.enabled:
            return bytes(4), 0
        flags = int(self.digital) | self.external << 1 | 1 << 2
        if self.external:
            return bytes(4), flags
        if not 1 <= self.count <= 65535:
            raise ValueError(f"{self.count} test pulses: must be 1 to 65535")
        if not 65 <= self.period <= 16321 or (self.period - 1) % 64:
            raise ValueError(f"test pulse period of {self.period} clocks: must be 65 to 16321, 1 + n * 64")
        if not 0 <= self.phase <= 15:
            raise ValueError(f"test pulse phase {self.phase}: must be 0 to 15")
        return self.count.to_bytes(2, "little") + bytes(((self.period - 1) // 64, self.phase)), flags

    @classmethod
    def decode(cls, payload: bytes, index: int) -> "TestPulses":
        """Read the command."""
        if not index & 4:
            return cls()
        return cls(
            True,
            int.from_bytes(payload[:2], "little"),
            payload[2] * 64 + 1,
            payload[3],
            bool(index & 1),
            bool(index & 2),
        )
