"""A bounded, preallocated ring of bytes in which every reservation is contiguous (pure, not thread-safe).

Positions count up for ever and are taken modulo the size, so that full and empty differ. Room that is left at
the end of the memory because the next reservation does not fit there is skipped, and comes back with the
release of what follows.
"""


class Ring:
    """Room for one producer; released in the order in which it was reserved."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = memoryview(bytearray(size))
        self._head = 0
        self._tail = 0

    @property
    def used(self) -> int:
        """Bytes that are reserved or skipped."""
        return self._head - self._tail

    def reserve(self, size: int) -> int | None:
        """Return the position of `size` contiguous bytes, or None when there is no room now."""
        start = self._head
        if start % self.size + size > self.size:
            start += self.size - start % self.size
        if start + size - self._tail > self.size:
            return None
        self._head = start + size
        return start

    def extend(self, size: int) -> bool:
        """Grow the newest reservation in place by `size` bytes; False when it cannot."""
        end = (self._head - 1) % self.size + 1
        if end + size > self.size or self._head + size - self._tail > self.size:
            return False
        self._head += size
        return True

    def view(self, start: int, size: int) -> memoryview:
        """The memory of a reservation; valid until its release."""
        at = start % self.size
        return self._memory[at : at + size]

    def release(self, end: int) -> None:
        """Give back everything before position `end`."""
        self._tail = end
