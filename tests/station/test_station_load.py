"""Loading a station file: what comes out, and that every mistake is told with line, key and what is right."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hitline.bus.station import StationError, load
from hitline.cli.tables import problems
from hitline.ioc.faces.table import table
from hypothesis import given
from hypothesis import strategies as st

Write = Callable[[str], Path]


def test_everything_arrives_typed(write: Write, full: str, tmp_path: Path) -> None:
    station = load(write(full))
    gauge, det1 = station.instruments["gauge"], station.instruments["det1"]
    assert (station.name, station.prefix, station.data) == ("demo", "BL7:", tmp_path / "here/runs")
    assert station.file == tmp_path / "station.toml"
    assert (gauge.type, gauge.pv, gauge.role, gauge.process) == ("toy_gauge", "P1:", "TRANSIENT", "slow")
    assert type(gauge.options).__name__ == "GaugeOptions"
    assert gauge.options.pressure_mbar == 3.0
    assert isinstance(gauge.options.pressure_mbar, float)
    assert gauge.options.table == tmp_path / "cal.txt"
    assert (det1.pv, det1.options.fail) == ("DET1:", "")
    worker = station.workers["ana1"]
    assert (worker.source, worker.pv, worker.blocks) == ("det1", "ANA1:", ("counts",))
    assert worker.window_ns == 100.0
    assert station.conductor is not None and station.conductor.order == ("det1", "EudaqNativeWriter.w1")
    assert station.ca is not None and station.ca.overlays == (tmp_path / "site.db",)
    assert station.tango is not None and station.tango.port == 10000


def test_smallest_file(write: Write, tmp_path: Path) -> None:
    station = load(write('name = "s"'))
    assert (station.conductor, station.ca, station.tango) == (None, None, None)
    assert (station.interface, station.data) == ("127.0.0.1", tmp_path / "runs")


@pytest.mark.parametrize(
    ("find", "new", "line", "key", "text"),
    [
        ('prefix = "BL7:"', 'prefx = "BL7:"', 2, "prefx", "unknown key; nearest is 'prefix'"),
        ('prefix = "BL7:"', "prefix = 7", 2, "prefix", "wants text, got a whole number: '7'"),
        ('name = "demo"\n', "", 1, "", "key 'name' is missing"),
        ('name = "demo"', 'name = "a b"', 1, "name", "does not fit the pattern"),
        ('type = "toy_gauge"\n', "", 5, "instruments.gauge", "key 'type' is missing"),
        ('type = "toy_gauge"', 'type = "toy_gage"', 6, "instruments.gauge.type", "nearest is 'toy_gauge'"),
        ('type = "toy_gauge"', 'type = "conductor"', 6, "instruments.gauge.type", "table of its own"),
        ('role = "TRANSIENT"', 'role = "VITAL"', 8, "instruments.gauge.role", "none of , ESSENTIAL, DYNAMIC"),
        ('process = "slow"', 'process = "Slow"', 9, "instruments.gauge.process", "pattern"),
        ('process = "slow"', 'process = "ana1"', 9, "instruments.gauge.process", "another process's name"),
        (
            "pressure_mbar = 3",
            'pressure_mbar = "3"',
            12,
            "instruments.gauge.options.pressure_mbar",
            "wants a number, got text: '3'",
        ),
        (
            "pressure_mbar = 3",
            "pressure_mbar = true",
            12,
            "instruments.gauge.options.pressure_mbar",
            "wants a number, got true or false",
        ),
        (
            "pressure_mbar = 3",
            "pressure_mbar = 2001",
            12,
            "instruments.gauge.options.pressure_mbar",
            "2001 is outside  to 2000.0",
        ),
        (
            "pressure_mbar = 3",
            "pressure_mbar = nan",
            12,
            "instruments.gauge.options.pressure_mbar",
            "above 0",
        ),
        (
            "pressure_mbar = 3",
            "pressure_bar = 3",
            12,
            "instruments.gauge.options.pressure_bar",
            "nearest is 'pressure_mbar'",
        ),
        ("[instruments.det1]", "[instruments.Det1]", 15, "instruments.Det1", "pattern [a-z][a-z0-9_]*"),
        ("[instruments.det1]", "[instruments.face]", 15, "instruments.face", "is taken"),
        ("[workers.ana1]", "[workers.gauge]", 18, "workers.gauge", "names are unique"),
        ('source = "det1"', 'source = "det2"', 19, "workers.ana1.source", "instruments are gauge, det1"),
        ('blocks = ["counts"]', 'blocks = ["counts",\n"contes"]', 21, "workers.ana1.blocks[1]", "known are"),
        ("window_ns = 100", "window_ns = 0", 21, "workers.ana1.window_ns", "0 must be above 0"),
        ("window_ns = 100", "options.image.x = 1", 21, "workers.ana1.options.image", "only counts"),
        ('order = ["det1"', 'order = ["det7"', 24, "conductor.order[0]", "'det7' is no instrument"),
        ("port = 0", "port = 70000", 27, "faces.ca.port", "70000 is outside 0 to 65535"),
        (
            'overlays = ["site.db"]',
            'overlays = "site.db"',
            28,
            "faces.ca.overlays",
            "wants an array, got text",
        ),
        ("[faces.tango]", "[faces.pva]", 30, "faces.pva", "known are ca, tango"),
        ("[faces.tango]", "[tango]", 30, "tango", "unknown key"),
        ("[conductor]", "[[conductor]]", 23, "conductor", "wants a table, got an array"),
        ("port = 0", "port = ", 27, "", "is not TOML"),
        ("port = 0", "port = 0\nport = 1", 28, "", "is not TOML"),
    ],
)
def test_a_mistake_is_told_where_it_is(
    write: Write, full: str, find: str, new: str, line: int, key: str, text: str
) -> None:
    assert find in full
    path = write(full.replace(find, new, 1))
    with pytest.raises(StationError) as caught:
        load(path)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert text in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}: {key}")


@pytest.mark.parametrize(
    ("interface", "trusted", "text"),
    [
        ("127.0.0.1", False, ""),
        ("127.0.1.1", False, ""),
        ("10.1.2.3", True, ""),
        ("10.1.2.3", False, "trusted_network = true"),
        ("0.0.0.0", False, "trusted_network = true"),
        ("localhost", False, "no IPv4 address"),
        ("::1", True, "no IPv4 address"),
    ],
)
def test_off_loopback_needs_a_word(write: Write, interface: str, trusted: bool, text: str) -> None:
    path = write(f'name = "s"\ninterface = "{interface}"\ntrusted_network = {str(trusted).lower()}')
    if not text:
        assert load(path).interface == interface
        return
    with pytest.raises(StationError, match=text) as caught:
        load(path)
    assert caught.value.line == 2


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StationError, match="No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(StationError, match="Is a directory"):
        load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes('name = "s"\n# Käthe'.encode("latin-1"))
    with pytest.raises(StationError, match=r"latin.toml:2: is not UTF-8"):
        load(latin)
    deep = tmp_path / "deep.toml"
    deep.write_text("a = " + "[" * 100_000 + "]" * 100_000)
    with pytest.raises(StationError, match="nested too deeply"):
        load(deep)


def test_only_the_own_options_are_imported(write: Write, full: str) -> None:
    """A process does not fall with the code of an instrument that another process runs."""
    text = full.replace('type = "toy_readout"', 'type = "gone"')
    station = load(write(text), options_of=["gauge"])
    assert station.instruments["gauge"].options.pressure_mbar == 3.0
    assert station.instruments["det1"].options is None
    with pytest.raises(StationError, match="unknown instrument type 'gone'"):
        load(write(text))


def test_a_type_without_options_takes_none(write: Write) -> None:
    path = write('name = "s"\n[instruments.a]\ntype = "toy_lamp"\noptions = { x = 1 }')
    with pytest.raises(StationError, match=r"station.toml:4: instruments.a.options: takes no options"):
        load(path)


JUNK = "a=[]{}.,\"'#\n\\ 0-9é\x00"


def test_damaged_files_load_or_are_told(write: Write, full: str) -> None:
    """Whatever happens to the text, `load` returns a station or raises StationError with a line in it."""

    @given(cut=st.integers(0, 600), junk=st.text(alphabet=JUNK, max_size=4), drop=st.integers(0, 30))
    def check(cut: int, junk: str, drop: int) -> None:
        text = full[:cut] + junk + full[cut + drop :]
        try:
            load(write(text))
        except StationError as error:
            assert 0 <= error.line <= text.count("\n") + 1

    check()


def test_the_tutorials_file(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text((Path(__file__).parents[2] / "docs" / "tutorial" / "station.toml").read_text())
    with pytest.raises(StationError, match=r"station.toml:16: .*options\.file: there is no file or folder"):
        load(file)
    (tmp_path / "recording.tpx3").touch()
    station = load(file)
    assert station.instruments["det1"].options.slice_hits == 1000
    assert problems(station, table(station)) == []
