"""The rules of Timepix3 streams once more, one word at a time and in plain integers: slow, to compare
with."""

from hitline.bus.formats import clock

MAGIC = int.from_bytes(b"TPX3", "little")
TDC = {0x6F: 0, 0x6A: 0, 0x4F: 0, 0x4A: 0, 0x6E: 1, 0x6B: 1}
KNOWN = {*TDC, 0x44, 0x45, 0x50, 0x5F, 0x5A, 0x5C, 0x51, 0x21, *range(0x70, 0x80), *range(0xA0, 0xC0)}
NO_TIME = -(2**63)


def bits(word: int, low: int, count: int) -> int:
    return word >> low & (1 << count) - 1


def near(value: int, reference: int, count: int) -> int:
    half = 1 << count - 1
    return reference + (value - reference + half) % (1 << count) - half


def chunked(data: bytes) -> tuple[list[tuple[int, int]], dict[str, int]]:
    """(chip, word) of every payload word, and what the walk counted."""
    out, left, chip, seeking = [], 0, 0, False
    counts = {"chunks": 0, "resyncs": 0, "skipped_words": 0}
    for at in range(0, len(data) // 8 * 8, 8):
        word = int.from_bytes(data[at : at + 8], "little")
        header = bits(word, 0, 32) == MAGIC and bits(word, 48, 16) % 8 == 0 and bits(word, 32, 8) < 16
        if left and header and bits(word, 40, 8) == 0 and word >> 56 not in KNOWN:
            counts["resyncs"] += 1
            left = 0
        if left:
            out.append((chip, word))
            left -= 1
        elif header:
            chip, left, seeking = bits(word, 32, 8), bits(word, 48, 16) // 8, False
            counts["chunks"] += 1
        else:
            counts["resyncs"] += not seeking
            counts["skipped_words"] += 1
            seeking = True
    return out, counts


class Chip:
    def __init__(self) -> None:
        self.reference: int | None = None
        self.free = False
        self.waiting: list[dict] = []
        self.low: int | None = None
        self.reset_at: int | None = None
        self.passed_over = False
        self.trigger: dict[int, tuple[int, int]] = {}
        self.before: dict[int, int] = {}
        self.epoch: dict[int, int] = {}

    def unwrap(self, row: dict) -> None:
        count, value = row["bits"], row["short"]
        before = self.before.get(count, value)
        step = value - before
        epoch = self.epoch.get(count, 0)
        if step < -(1 << count - 1):
            epoch += 1
        elif step > 1 << count - 1:
            epoch = max(epoch - 1, 0)
        self.before[count], self.epoch[count] = value, epoch
        row["time"] = value + (epoch << count)

    def let_go(self) -> None:
        for row in self.waiting:
            self.unwrap(row)
        self.waiting = []
        self.free = True

    def settle(self, reference: int) -> None:
        for row in self.waiting:
            row["time"] = near(row["short"], reference * row["per"], row["bits"])
        self.waiting = []


def decode(words: list[tuple[int, int]]) -> tuple[list[tuple], list[tuple]]:
    """(hits, triggers) of payload words, in their order, as tuples of the decoder's columns."""
    chips = {chip: Chip() for chip in range(16)}
    rows: list[dict] = []
    for position, (number, word) in enumerate(words):
        for chip in chips.values():
            if chip.waiting and position - chip.waiting[0]["position"] >= clock.HOLD_WORDS:
                chip.let_go()
        chip, kind = chips[number], word >> 56
        if kind == 0x44:
            chip.low = bits(word, 16, 32)
        elif kind == 0x45 and chip.low is not None:
            time, chip.low = bits(word, 16, 16) << 32 | chip.low, None
            late = chip.reset_at is not None and time > chip.reset_at + clock.STALE_AFTER
            if late and not chip.passed_over:
                chip.passed_over = True
            else:
                chip.settle(time)
                chip.reference, chip.free, chip.reset_at = time, False, None
        elif kind in TDC and 1 <= bits(word, 5, 4) <= 12:
            counter, coarse = bits(word, 44, 12), bits(word, 9, 35)
            last = chip.trigger.get(TDC[kind])
            if last and counter == 1 and 1 < last[0] < 4095 and last[1] - coarse > clock.RESET_BACK:
                for other in chips.values():
                    other.let_go()
                    other.reference, other.free, other.reset_at = None, False, coarse // 8
                    other.passed_over, other.trigger, other.before, other.epoch = False, {}, {}, {}
            chip.trigger[TDC[kind]] = counter, coarse
        if kind >> 4 == 0xB:
            short = bits(word, 0, 16) << 14 | bits(word, 30, 14)
            row = {"bits": 30, "per": 1, "short": short}
        elif kind in TDC:
            row = {"bits": 35, "per": 8, "short": bits(word, 9, 35)}
        else:
            continue
        row |= {"chip": number, "word": word, "position": position}
        rows.append(row)
        if chip.reference is not None:
            row["time"] = near(row["short"], chip.reference * row["per"], row["bits"])
        elif chip.free:
            chip.unwrap(row)
        else:
            chip.waiting.append(row)
    for chip in chips.values():
        chip.let_go()
    hits = [hit(row) for row in rows if row["bits"] == 30]
    return hits, [trigger(row) for row in rows if row["bits"] == 35]


def hit(row: dict) -> tuple:
    word = row["word"]
    x = 2 * bits(word, 53, 7) + bits(word, 46, 1)
    y = 4 * bits(word, 47, 6) + bits(word, 44, 2)
    fine = bits(word, 16, 4)
    toa, tot, spidr = bits(word, 30, 14), bits(word, 20, 10), bits(word, 0, 16)
    return row["chip"], x, y, toa, tot, fine, spidr, row["time"] * 16 - fine


def trigger(row: dict) -> tuple:
    word, fine = row["word"], bits(row["word"], 5, 4)
    valid = 1 <= fine <= 12
    times = (row["time"], row["time"] * 12 + fine - 1) if valid else (NO_TIME, NO_TIME)
    return row["chip"], word >> 56, bits(word, 44, 12), bits(word, 9, 35), fine, *times
