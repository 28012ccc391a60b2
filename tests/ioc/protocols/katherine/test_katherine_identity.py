"""What a readout says of itself."""

import pytest
from hitline.ioc.protocols.katherine.hardware import TYPES, ChipId, CommStatus, Status
from hitline.ioc.protocols.katherine.message import Answer
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "word"),
    [("K7-W0005", 0x0057B), ("A0-W0000", 0x00001), ("O15-W4095", 0xFFFFF), ("C3-W0036", 0x02433)],
)
def test_chip_ids(text: str, word: int) -> None:
    assert ChipId.parse(text) == ChipId(word)
    assert ChipId(word).text == text


@given(st.integers(1, 15), st.integers(0, 15), st.integers(0, 4095))
def test_chip_ids_there_and_back(column: int, row: int, wafer: int) -> None:
    chip = ChipId(column | row << 4 | wafer << 8)
    assert chip.valid
    assert ChipId.parse(chip.text) == chip


def test_no_chip() -> None:
    assert not ChipId(0).valid
    assert ChipId(0).text == "?0-W0000"


def test_a_wafer_without_zeros_is_read_too() -> None:
    assert ChipId.parse("K7-W5") == ChipId.parse("K7-W00005") == ChipId.parse("K7-W0005")


@pytest.mark.parametrize(
    "text", ["", "K7", "K7-W", "-W5", "K-W5", "P7-W5", "k7-W5", "K7 W5", "K7-W5x", "K7-W²", "K7-W-5"]
)
def test_what_is_no_chip_id(text: str) -> None:
    with pytest.raises(ValueError, match="must be column A to O, row, -W, wafer, as in K7-W0005"):
        ChipId.parse(text)


@pytest.mark.parametrize("text", ["K16-W0005", "K7-W4096"])
def test_chip_ids_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}': the row must be at most 15, the wafer at most 4095"):
        ChipId.parse(text)


def test_communication_status() -> None:
    status = CommStatus.of(Answer(0x18, bytes((0x0F, 160, 1, 0, 0xEE, 0xEE))))
    assert status == CommStatus(lines=0x0F, rate=160, chips=1, measuring=0)
    assert CommStatus.of(Answer(0x18, status.encode())) == status


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535))
def test_status_there_and_back(type_: int, revision: int, serial: int, firmware: int) -> None:
    status = Status(type_, revision, serial, firmware)
    assert Status.of(Answer(0x17, status.encode())) == status
    assert status.hardware is TYPES.get(type_)


def test_hardware_types_by_the_table() -> None:
    told = {code: (t.chip[-1], t.generation, t.max_chips, t.bias_supplies) for code, t in TYPES.items()}
    assert told == {
        0x01: ("3", 1, 1, 1), 0x02: ("2", 1, 1, None), 0x03: ("3", 2, 8, 2), 0x0A: ("4", 1, 1, None),
        0x20: ("3", 1, 2, None), 0x21: ("2", 1, 2, None), 0x24: ("2", 1, 1, None), 0x25: ("3", 1, 1, None),
        0x26: ("2", 1, 1, None), 0x27: ("2", 2, 2, None),
    }  # fmt: skip
