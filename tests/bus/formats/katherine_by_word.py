"""The rules of Katherine streams once more, one word at a time and in plain integers: slow, to compare
with."""

from hitline.bus.formats.katherine_setup import Setup

NEW, FINISHED, LOST, ABORTED, OFFSET = 7, 0xC, 0xD, 0xE, 5
HALVES = {8: ("start", 0, 32), 9: ("start", 32, 16), 0xA: ("end", 0, 32), 0xB: ("end", 32, 16)}


def bits(word: int, low: int, count: int) -> int:
    return word >> low & (1 << count) - 1


class Reader:
    """Gathers `hits`, `counted`, `marks`, `frames` as tuples and dicts."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.hits: list[tuple] = []
        self.counted: list[tuple] = []
        self.marks: list[tuple] = []
        self.frames: list[dict] = []
        self.counts = dict.fromkeys(
            ("words", "pixels", "trigger_words", "unknown_words", "ends_stray", "pixels_lost_inside"), 0
        )
        self.number = self.offset = 0
        self.open: dict | None = None

    def read(self, raw: bytes) -> "Reader":
        for at in range(0, len(raw) // 6 * 6, 6):
            self.word(int.from_bytes(raw[at : at + 6], "little"))
        return self

    def word(self, word: int) -> None:
        header, value = word >> 44, bits(word, 0, 44)
        self.counts["words"] += 1
        first = self.setup.generation == 1
        pixel = header == 4 if first else header < 4
        if header == NEW or (pixel and self.open is None):
            self.begin(announced=header == NEW)
        if pixel:
            self.pixel(word, 0 if first else header)
        elif header == OFFSET:
            self.offset = bits(value, 0, 32)
        else:
            self.marks.append((header, value, self.counts["pixels"], self.number))
            self.counts["trigger_words"] += header in ((2, 3) if first else (4, 6))
            self.counts["unknown_words"] += header in ((0, 1, 6, 0xF) if first else (0xF,))
            self.mark(header, value)

    def begin(self, announced: bool) -> None:
        self.close()
        self.number += 1
        self.open = {
            "number": self.number, "first": self.counts["pixels"], "sent": None, "lost": 0,
            "announced": announced, "start": {}, "end": {},
        }  # fmt: skip

    def close(self) -> None:
        if self.open is not None:
            for name in ("start", "end"):
                halves = self.open[name]
                self.open[name] = halves[0] | halves[32] if len(halves) == 2 else None
            self.open["received"] = self.counts["pixels"] - self.open["first"]
            self.frames.append(self.open)
        self.open = None

    def pixel(self, word: int, chip: int) -> None:
        setup = self.setup
        self.counts["pixels"] += 1
        y, x = bits(word, 36, 8), bits(word, 28, 8)
        high, middle, low = bits(word, 14, 14), bits(word, 4, 10), bits(word, 0, 4)
        if setup.mode.name == "EVENT_ITOT":
            self.counted.append((chip, x, y, high, middle, low, self.number))
            return
        fine, count = (low, 0) if setup.fast else (0, low)
        tot = middle if setup.mode.name == "TOA_TOT" else 0
        time = ((self.offset << 14) + high) * setup.coarse_ticks - fine
        time += (x // 2 % setup.phases) * setup.coarse_ticks // setup.phases
        if setup.sequential:
            time %= setup.coarse_ticks * 16384
        self.hits.append((chip, x, y, high, tot, fine, self.offset % 65536, time, count, self.number))

    def mark(self, header: int, value: int) -> None:
        if header in (NEW, FINISHED, ABORTED):
            self.offset = 0
        if header == LOST:
            self.counts["pixels_lost_inside"] += value
        if self.open is None:
            self.counts["ends_stray"] += header == FINISHED
        elif header in HALVES:
            name, shift, count = HALVES[header]
            self.open[name][shift] = bits(value, 0, count) << shift
        elif header == LOST:
            self.open["lost"] += value
        elif header in (FINISHED, ABORTED):
            self.open["sent"] = value if header == FINISHED else None
            self.close()
