"""What `describe` carries, ours and what stock satellites list instead."""

import pytest
from bus_toy import Toy
from hitline.bus import description
from hitline.bus.attribute import Attribute, Command, Refused
from hitline.bus.constellation.cmdp import Metric
from hitline.bus.constellation.pack import Malformed, pack, unpack
from hitline.bus.foreign import attribute as foreign_attribute
from hitline.bus.foreign import description as foreign_description
from hitline.bus.states import State


def described() -> dict:
    toy = Toy("one")
    verbs = {name: name for name in toy.commands}
    reply = description.tables(toy.board.attributes, toy.commands, verbs)
    return unpack(pack(reply), dict)[0]


def test_tables_survive_the_wire() -> None:
    parsed, toy = description.parse(described()), Toy("one")
    assert parsed.attributes == toy.board.attributes
    assert parsed.commands == toy.commands


def test_every_field_survives_the_wire() -> None:
    full = Attribute(
        "a",
        "enum",
        "Doc.",
        "V",
        3,
        "rw",
        ("x", "y"),
        (),
        -1.0,
        2.0,
        (State.RUN,),
        "moving",
        (None, -0.5, 1.5, None),
        (0, 2),
        "Pv",
    )
    command = Command("c", "Doc.", (("x", "int"),), (State.SAFE,), True, "moving", "Go")
    reply = unpack(pack(description.tables({"a": full}, {"c": command}, {"c": "do_c"})), dict)[0]
    parsed = description.parse(reply)
    assert parsed.attributes["a"] == full
    assert parsed.commands["c"] == command
    assert parsed.verbs == {"c": "do_c"}


def test_lists_hold_one_type_each() -> None:
    """Stock C++ programs drop a message with a mixed list."""

    def walk(value: object) -> None:
        if isinstance(value, list):
            assert len({type(v) for v in value}) <= 1, value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(inner)

    walk(described())


@pytest.mark.parametrize("key", ["protocol", "schema"])
def test_another_major_version_is_refused_with_both_numbers(key: str) -> None:
    with pytest.raises(Refused, match=r"version 2\.3.*1\.0") as refusal:
        description.parse(described() | {key: "2.3"})
    assert refusal.value.code == "version"
    assert description.parse(described() | {key: "1.9", "surprise": 5}).attributes


@pytest.mark.parametrize(
    "change",
    [
        {"attributes": 5},
        {"attributes": {"a": 5}},
        {"attributes": {"a": {}}},
        {"attributes": {"a": {"dtype": 5}}},
        {"attributes": {"a": {"dtype": "<i4"}}},
        {"attributes": {"a": {"dtype": "int", "low": "x"}}},
        {"arrays": -1},
        {"attributes": {"a": {"dtype": "int", "choices": [1]}}},
        {"attributes": {"a": {"dtype": "int", "precision": None}}},
        {"attributes": {"a": {"dtype": "int", "shape": [-1]}}},
        {"attributes": {"a": {"dtype": "int", "alarms": [1]}}},
        {"commands": {"c": {"args": "ab"}}},
        {"arrays": "x"},
    ],
)
def test_descriptions_that_make_no_sense_are_malformed(change: dict) -> None:
    with pytest.raises(Malformed):
        description.parse(described() | change)


def test_stock_satellites_are_described_by_what_they_list() -> None:
    listed = {
        "get_attitude": "Determine attitude.\n\nMore.\nNo arguments.",
        "move": "Move there.\nArguments: x: int, speed: float.",
        "odd": "",
        "start": "Begin",
    }
    commands = foreign_description(listed).commands
    assert commands["move"].args == (("x", "int"), ("speed", "float"))
    assert commands["get_attitude"].doc.startswith("Determine attitude.")
    assert commands["start"].doc == "Begin" and commands["odd"].args == ()
    assert foreign_description(None).commands == {}


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (True, "bool"),
        (3, "int"),
        (0.5, "float"),
        ("x", "str"),
        ([1, 2.0], "<f8"),
        ({"a": 1}, "str"),
        ([], "str"),
        ([True], "str"),
    ],
)
def test_stock_metrics_are_typed_by_their_value(value: object, dtype: str) -> None:
    assert foreign_attribute(Metric("M.a", 0, "VOLTS", value, "V"), "doc").dtype == dtype
