"""Which command is answered how often, by which number; the numbers themselves."""

import pytest
from hitline.ioc.protocols.katherine.opcodes import (
    ANSWER_S,
    PATIENCE_S,
    UNDOCUMENTED,
    Hw,
    Op,
    answer_of,
    answers,
)

NUMBERS = {
    *range(0x01, 0x1A), *range(0x20, 0x25), *range(0x26, 0x2A), 0x30, 0x32, 0x33, 0x50, 0x98, 0xF0,
}  # fmt: skip
"""By the table of the reference."""


def test_every_command_of_the_table_is_there() -> None:
    assert set(Op) == NUMBERS


def test_sub_commands_are_counted_through() -> None:
    assert [int(action) for action in Hw] == list(range(16))
    assert (Hw.FLUSH_REGISTERS, Hw.UPDATE_DACS, Hw.SET_TIMER) == (0, 1, 4)
    assert (Hw.RESET_MATRIX, Hw.LOAD_PIXELS, Hw.UPDATE_OUTPUT) == (5, 9, 14)


@pytest.mark.parametrize("op", [0x03, 0x05, 0x06, 0x50])
def test_these_are_never_answered(op: int) -> None:
    assert answers(op) == 0


def test_unknown_commands_are_not_answered() -> None:
    unknown = set(range(0x10000)) - NUMBERS
    assert {answers(op) for op in unknown} == {0}
    assert all(answer_of(op) == op for op in unknown)


def test_one_answer_with_the_same_number_except_where_the_table_says_otherwise() -> None:
    told = {op: (answers(op), answer_of(op)) for op in Op if op not in (0x03, 0x05, 0x06, 0x50)}
    others = {op: answer for op, answer in told.items() if answer != (1, op)}
    assert others == {0x14: (22, 0x0F), 0x24: (1, 0x22), 0x33: (5, 0x33)}


def test_patience() -> None:
    assert ANSWER_S == 0.1
    assert (PATIENCE_S[0x20], PATIENCE_S[0x26], PATIENCE_S[0x12]) == (10.0, 5.0, 1.0)
    assert all(seconds > ANSWER_S and answers(op) for op, seconds in PATIENCE_S.items())


def test_what_is_not_public_is_named() -> None:
    assert {0x22, 0x28, 0x50, 0x98, 0xF0} == UNDOCUMENTED
