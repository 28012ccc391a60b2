"""Values as text and back: what is typed arrives in the attribute's type."""

import numpy as np
import pytest
from hitline.bus.attribute import Attribute, Refused, Severity, Update
from hitline.cli import show


def attribute(dtype: str, **more: object) -> Attribute:
    return Attribute("a", dtype, "Doc.", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "of", "text"),
    [
        (0.5, attribute("float", unit="s", precision=3), "0.500 s"),
        (0.5, attribute("float"), "0.5"),
        (1 << 60, attribute("int"), str(1 << 60)),
        (True, attribute("bool"), "true"),
        (None, None, "-"),
        (np.full((2, 3), 30_000_001, "<i4"), attribute("<i4", shape=(2, 3)), "int32 2x3 sum 180000006"),
    ],
)
def test_text(value: object, of: Attribute | None, text: str) -> None:
    assert show.text(value, of) == text


def test_quality_and_json() -> None:
    update = Update(np.array([1, 2]), 5, Severity.INVALID, "link lost")
    assert show.quality(update) == "INVALID link lost"
    assert show.quality(Update(1, 5)) == ""
    assert show.plain(update, attribute("<i4", shape=(2,), unit="V")) == {
        "value": [1, 2],
        "unit": "V",
        "severity": "INVALID",
        "status": "link lost",
        "time_ns": 5,
    }


@pytest.mark.parametrize(
    ("words", "of", "value"),
    [
        (["0.5"], attribute("float"), 0.5),
        (["0x10"], attribute("int"), 16),
        (["on"], attribute("bool"), True),
        (["two", "words"], attribute("str"), "two words"),
        ([], attribute("str"), ""),
        (["Acquire"], attribute("enum"), "Acquire"),
    ],
)
def test_parse(words: list[str], of: Attribute, value: object) -> None:
    assert show.parse(words, of) == value


def test_parse_arrays() -> None:
    of = attribute("<i4", shape=(2, 2))
    assert show.parse(["[[1,2],", "[3,4]]"], of).tolist() == [[1, 2], [3, 4]]
    assert show.parse(["1", "2"], of).dtype == np.int32


@pytest.mark.parametrize(
    ("word", "of"),
    [
        ("x", attribute("float")),
        ("1.5", attribute("int")),
        ("maybe", attribute("bool")),
        ("[1", attribute("<i4", shape=(2,))),
    ],
)
def test_parse_refuses(word: str, of: Attribute) -> None:
    with pytest.raises(Refused, match="wants"):
        show.parse([word], of)
