"""The JSON schema says the same as the loader, and the committed files are what it gives now."""

import tomllib
from pathlib import Path

import jsonschema
import pytest
from hitline.bus.schema import schema
from hitline.bus.schema_page import files

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"


def test_the_full_file_fits(full: str) -> None:
    jsonschema.validate(tomllib.loads(full), schema())


@pytest.mark.parametrize(
    ("find", "new"),
    [
        ('prefix = "BL7:"', 'prefx = "BL7:"'),
        ('prefix = "BL7:"', "prefix = 7"),
        ('name = "demo"\n', ""),
        ('type = "toy_gauge"\n', ""),
        ('role = "TRANSIENT"', 'role = "VITAL"'),
        ("port = 0", "port = 70000"),
        ("pressure_mbar = 3", 'pressure_mbar = "3"'),
        ("pressure_mbar = 3", "pressure_bar = 3"),
        ("window_ns = 100", "window_ns = 0"),
        ("[instruments.det1]", "[instruments.Det1]"),
        ("[faces.tango]", "[faces.pva]"),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(full: str, find: str, new: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(full.replace(find, new, 1)), schema())


@pytest.mark.parametrize("name", ["station.schema.json", "station.md"])
def test_committed_reference_is_fresh(name: str) -> None:
    stale = f"docs/reference/{name} is stale: python -m hitline.bus.schema_page docs/reference"
    assert (REFERENCE / name).read_text() == files()[name], stale


def test_every_key_is_explained() -> None:
    """No key of the reference without a sentence of its own."""
    for line in files()["station.md"].splitlines():
        if line.startswith("| `"):
            assert line.split("|")[-2].strip(), line


def test_other_packages_are_in_the_schema_that_is_printed() -> None:
    rules = {
        rule["if"]["properties"]["type"]["const"]
        for rule in schema()["properties"]["instruments"]["additionalProperties"]["allOf"]
    }
    assert {"toy_gauge", "toy_readout"} <= rules
    assert "toy_gauge" not in files()["station.schema.json"]
