"""Devices made from a station file: nothing early, only what has records, other packages' included."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from hitline.db.records import load
from kit.patience import WAIT_S
from kit.ports import free_ports
from kit.toys import with_toys

UP = [sys.executable, "-c", "import sys; from hitline.cli.main import main; sys.exit(main())"]

LIST = """
import json, ophyd
from hitline.devices import HitAnalysis, HitDetector, KatherineDetector, Run
from hitline.devices.station import StationDevice
def listed(cls):
    return [(attr, c.suffix, c.cls.__name__) for attr, c in cls._sig_attrs.items() if c.suffix is not None]
print(json.dumps({cls.__name__: listed(cls) for cls in
    (HitAnalysis, HitDetector, KatherineDetector, Run, StationDevice)}))
"""
FITS = {
    "Count": {"int64in"},
    "Number": {"int64in", "ai"},
    "Flag": {"bi"},
    "Choice": {"mbbi"},
    "Text": {"lsi"},
    "Array": {"waveform"},
    "NumberSetting": {"ao", "int64out"},
    "FlagSetting": {"bo"},
    "ArraySetting": {"waveform"},
    "ChoiceSetting": {"mbbo"},
    "TextSetting": {"lso"},
    "Request": {"bo"},
    "TextRequest": {"lso"},
}
"""Signal class -> types of the record that it may stand on."""


def _python(*argv: str, env: dict[str, str] | None = None, timeout: float = 1.5 * WAIT_S) -> str:
    done = subprocess.run(
        [sys.executable, *argv],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def declared() -> dict[str, list[list[str]]]:
    return json.loads(_python("-c", LIST, env={"OPHYD_CONTROL_LAYER": "dummy"}))


@pytest.mark.parametrize(
    "name, database",
    [
        ("HitAnalysis", ["analysis"]),
        ("HitDetector", ["detector"]),
        ("KatherineDetector", ["detector", "katherine"]),
        ("Run", ["run"]),
        ("StationDevice", ["station"]),
    ],
)
def test_every_declared_signal_stands_on_a_record_of_its_type(name, database, declared):
    records = {}
    for kind in database:
        records |= load(Path(str(files("hitline.db"))) / f"{kind}.db", {"P": "", "R": "", "INST": "x"})
    assert len(declared[name]) > 5
    for attr, suffix, cls in declared[name]:
        assert suffix in records, f"{name}.{attr}: no record {suffix} in {database}.db"
        assert records[suffix].rtype in FITS[cls], f"{name}.{attr} is a {cls} of {records[suffix]}"
        if cls.endswith("Setting"):
            assert f"{suffix}_RBV" in records


KATHERINE = """
import json
from hitline.devices.katherine import DACS, KatherineDetector
from hitline.devices.make import device_class
from hitline.devices.tables import Table, components
from hitline.ioc.drivers.katherine.table import KATHERINE, KATHERINE_COMMANDS
from hitline.ioc.protocols.katherine import dacs

assert DACS == tuple(dac.name for dac in dacs.DACS)
assert device_class(("katherine", "katherine", "detector")) is KatherineDetector
parts = KatherineDetector._sig_attrs
made = components(Table(("detector", "katherine"), KATHERINE, KATHERINE_COMMANDS))
for name, component in made.items():
    if name in parts:  # by the same name, the same record, and the same flag that says when it is set
        declared = parts[name]
        assert declared.suffix == component.suffix, name
        assert declared.kwargs.get("busy", "") == component.kwargs.get("busy", ""), name
assert {f"dac_{name.lower()}" for name in DACS} <= set(parts) & set(made)
try:
    KatherineDetector.dac(object(), "VTP_fin")
except KeyError as error:
    assert "nearest is VTP_fine" in str(error), error
"""


def test_a_katherine_is_as_its_table_says() -> None:
    _python("-c", KATHERINE, env={"OPHYD_CONTROL_LAYER": "dummy"})


def test_nothing_is_imported_or_connected_early(tmp_path, group):
    station = tmp_path / "station.toml"
    station.write_text(f'name = "{group}"\n[conductor]\n[faces.ca]\nport = 5999\n')
    _python(
        "-c",
        f"""
import os, sys
for key in [k for k in os.environ if k.startswith("EPICS_CA")]:
    del os.environ[key]
import hitline.devices
assert not {{"ophyd", "epics", "caproto", "bluesky"}} & set(sys.modules), "import"
devices = hitline.devices.make_devices({str(station)!r})
assert not {{"ophyd", "epics", "caproto", "bluesky"}} & set(sys.modules), "make_devices"
assert list(devices) == ["station", "run"] and "run" in dir(devices)
assert os.environ["EPICS_CA_ADDR_LIST"] == "127.0.0.1" and os.environ["EPICS_CA_SERVER_PORT"] == "5999"
try:
    devices.det7
except AttributeError as error:
    assert "det7: no such device; there are station, run" in str(error)
""",
    )


TOYS = """
from kit.patience import WAIT_S
from hitline.devices import make_devices
devices = make_devices(STATION, LAYER)
gauge = devices.gauge1
gauge.wait_for_connection(timeout=WAIT_S)
assert gauge.read_configuration()["gauge1_pressure"]["value"] == 1000.0
gauge.pressure.set(500).wait(WAIT_S)
assert gauge.pressure.get() == 500
key = gauge.describe_configuration()["gauge1_pressure"]
assert key["units"] == "mbar" and key["precision"] == 1
assert key["limits"]["control"] == {"low": 0.0, "high": 2000.0}
assert gauge.satellite_state.get() == "INIT"
lamp = devices["lamp1"]
lamp.wait_for_connection(timeout=WAIT_S)
assert list(lamp.describe()) == ["lamp1_lit"]
try:
    gauge.pressure.set(5000).wait(WAIT_S)
except Exception as error:
    text = str(error)
assert "T:GAUGE1:Pressure " in text and "2000 mbar" in text and "wanted 5000, last value 500.0" in text, text
gauge.pressure.set(1000).wait(WAIT_S)
"""


def test_other_packages_instruments_are_devices_and_are_checked(tmp_path, group):
    """The station runs for real; `hitline check` succeeds while it does, and fails with a table after.

    In a copy of the folder it is refused: these are the PVs of another station.
    """
    free_port, repeater = free_ports(2)
    file, copy = tmp_path / "station.toml", tmp_path / "copy.toml"
    file.write_text(
        f'name = "{group}"\nprefix = "T:"\n[conductor]\n[faces.ca]\nport = {free_port}\n'
        '[instruments.gauge1]\ntype = "toy_gauge"\nprocess = "toys"\n'
        '[instruments.lamp1]\ntype = "toy_lamp"\nprocess = "toys"\n'
    )
    env = {
        "PYTHONPATH": with_toys(),
        "EPICS_CA_SERVER_PORT": str(free_port),
        "EPICS_CA_REPEATER_PORT": str(repeater),
    }
    with subprocess.Popen(
        [*UP, "up", str(file)], stdout=subprocess.PIPE, text=True, env={**os.environ, **env}
    ) as up:
        try:
            assert up.stdout is not None
            assert any("processes up" in line for line in up.stdout), "the station did not start"
            for layer in ("pyepics", "caproto"):
                _python("-c", f"STATION, LAYER = {str(file)!r}, {layer!r}\n{TOYS}", env=env)
                checked = _python(
                    *UP[1:], "check", str(file), "--layer", layer, "--timeout", str(WAIT_S), env=env
                )
                connected, _, total = checked.split(f"{group}: ")[1].split()[:3]
                assert connected == total and int(total) > 40 and "NOT CONNECTED" not in checked, checked
                copy.write_text(file.read_text())
                refused = subprocess.run(
                    [*UP, "check", str(copy), "--layer", layer],
                    capture_output=True,
                    text=True,
                    timeout=WAIT_S,
                    env={**os.environ, **env},
                )
                assert refused.returncode == 1 and not refused.stdout, refused
                assert f"that of {file}, not of {copy}" in refused.stderr, refused
        finally:
            up.terminate()
            up.wait(WAIT_S)
    done = subprocess.run(
        [*UP, "check", str(file), "--timeout", "0.5"],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        env={**os.environ, **env},
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1, "when nothing answers, there is one thing to say"
    assert "is the CA face up?" in done.stdout and "Traceback" not in done.stdout + done.stderr


HIDDEN = """
import json, sys
from hitline.devices import make_devices
devices = make_devices(sys.argv[1])
det = devices.det1
print(json.dumps([det.component_names, det.ana1.component_names]))
"""


def test_what_a_site_has_hidden_is_no_part_of_a_device(tmp_path: Path) -> None:
    (tmp_path / "beam.tpx3").touch()
    (tmp_path / "site.db").write_text(
        'record("#", "$(P)DET1:Model_RBV")\n'
        'record("#", "$(P)DET1:AcquireTime_RBV")\n'
        'record("#", "$(P)ANA1:Lag_RBV")\n'
        'record("#", "$(P)ANA1:ExposureHits_RBV")\n'
    )
    (tmp_path / "station.toml").write_text(
        'name = "hidden"\nprefix = "H:"\n[instruments.det1]\ntype = "replay"\n'
        '[instruments.det1.options]\nfile = "beam.tpx3"\n[workers.ana1]\nsource = "det1"\n'
        '[faces.ca]\noverlays = ["site.db"]\n'
    )
    told = _python("-c", HIDDEN, str(tmp_path / "station.toml"))
    det, ana = json.loads(told)
    assert "model" not in det and "manufacturer" in det
    assert "acquire_time" in det, "needed, so it is missed by name when it connects"
    assert "lag" not in ana and "lag_s" in ana
    assert "exposure_hits" in ana, "read in every event"
