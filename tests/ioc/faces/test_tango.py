"""The Tango face as a process, through real device proxies, with a real backend on the bus."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tango
from kit.patience import WAIT_S
from kit.until import wait_until
from processes import Process
from tango import AttrQuality, DevFailed, DeviceProxy, DevState

STATION = """name = "{group}"
prefix = "T:"
[instruments.x1]
type = "rich"
[faces.ca]
overlays = ["site.db"]
[faces.tango]
port = 0
domain = "lab"
"""
OVERLAY = """
record("*", "$(P)X1:Voltage") { field(DRVH, "90") }
record("*", "$(P)X1:Voltage_RBV") { field(HYST, "5") }
"""


@dataclass
class Rig:
    file: Path
    group: str
    backend: Process
    face: Process
    port: int

    def device(self, name: str = "x1") -> DeviceProxy:
        return DeviceProxy(f"tango://127.0.0.1:{self.port}/lab/{self.group}/{name}#dbase=no")


def until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first truth; DevFailed counts as none."""
    return wait_until(condition, what=what, but=(DevFailed,))


def running(folder: Path) -> Iterator[Rig]:
    group = f"test{uuid.uuid4().hex[:12]}"
    file = folder / "station.toml"
    file.write_text(STATION.format(group=group))
    (folder / "site.db").write_text(OVERLAY)
    face = Process("hitline.ioc.faces.tango", str(file))
    backend = Process("hitline.ioc.backend", str(file), "x1")
    rig = Rig(file, group, backend, face, 0)
    try:
        backend.ready()
        rig.port = face.ready()["tango_port"]
        until(
            lambda: rig.device().state() == DevState.STANDBY and "place" in rig.device().get_attribute_list(),
            "device up",
        )
        yield rig
    finally:
        for process in (rig.face, rig.backend):
            process.end()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A station that the tests of this module share; they leave it in order."""
    yield from running(tmp_path_factory.mktemp("station"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Rig]:
    """A station that a test may break."""
    yield from running(tmp_path)


@pytest.fixture
def device(rig: Rig) -> DeviceProxy:
    return rig.device()


def reason(caught: pytest.ExceptionInfo[DevFailed]) -> tuple[str, str]:
    return caught.value.args[0].reason, caught.value.args[0].desc


def test_attributes_have_unit_limits_format_and_description(device: DeviceProxy) -> None:
    voltage = device.get_attribute_config("voltage")
    assert (voltage.unit, voltage.format) == ("V", "%.2f")
    assert (float(voltage.min_value), float(voltage.max_value)) == (-300, 90)
    assert voltage.description == "Voltage of the sensor. It follows at once."
    assert voltage.writable == tango.AttrWriteType.READ_WRITE
    assert voltage.alarms.max_alarm == "Not specified", "Tango's own alarms would flood the log"
    assert device.get_attribute_config("counts").writable == tango.AttrWriteType.READ
    mode = device.get_attribute_config("mode")
    assert list(mode.enum_labels) == ["Slow", "Very_fast", "Off"]
    image = device.get_attribute_config("image")
    assert (image.max_dim_x, image.max_dim_y, image.data_format) == (8, 6, tango.AttrDataFormat.IMAGE)
    types = {
        name: device.get_attribute_config(name).data_type for name in ("counts", "gate", "note", "image")
    }
    assert types == {
        "counts": tango.CmdArgType.DevLong64,
        "gate": tango.CmdArgType.DevBoolean,
        "note": tango.CmdArgType.DevString,
        "image": tango.CmdArgType.DevLong,
    }


def test_every_kind_of_value_is_read(device: DeviceProxy) -> None:
    assert device.read_attribute("counts").value > 0
    assert device.read_attribute("gate").value in (False, True)
    assert isinstance(device.read_attribute("note").value, str)
    image = device.read_attribute("image")
    assert image.value.dtype == np.int32 and (image.value == np.arange(48).reshape(6, 8)).all()
    assert np.allclose(device.read_attribute("edges").value, np.linspace(0, 1, 16))
    assert abs(device.read_attribute("image").time.totime() - time.time()) < 120
    silent = device.read_attribute("silent")
    assert silent.quality is AttrQuality.ATTR_INVALID and silent.value is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("voltage", -12.5),
        ("preset", 2**33),
        ("gate", True),
        ("mode", 1),
        ("note", "käse"),
        ("edges", [1.0, 2.0, 3.0]),
    ],
)
def test_what_is_written_reaches_the_instrument_and_comes_back(
    device: DeviceProxy, name: str, value: Any
) -> None:
    before = device.read_attribute(name).value
    device.write_attribute(name, value)
    until(lambda: np.array_equal(device.read_attribute(name).value, value), f"{name} is {value}")
    if not isinstance(value, list):
        until(lambda: device.read_attribute(name).w_value == value, "set value follows")
    device.write_attribute(name, before)
    until(lambda: np.array_equal(device.read_attribute(name).value, before), f"{name} is back")


def test_severity_becomes_quality_by_the_rules_of_all_faces(device: DeviceProxy) -> None:
    seen = []
    for value in (0.0, 50.0, 47.0, 44.0, 85.0, -220.0, -260.0, 0.0):  # HYST 5 in the overlay
        device.write_attribute("voltage", value)
        shown = until(lambda value=value: (a := device.read_attribute("voltage")).value == value and a, "set")
        seen.append(shown.quality.name.removeprefix("ATTR_"))
    assert seen == ["VALID", "WARNING", "WARNING", "VALID", "ALARM", "WARNING", "ALARM", "VALID"]
    device.write_attribute("mode", 2)
    until(lambda: device.read_attribute("mode").quality is AttrQuality.ATTR_ALARM, "Off is MAJOR")
    device.write_attribute("mode", 0)
    device.write_attribute("preset", 7)
    until(
        lambda: device.read_attribute("counts").quality is AttrQuality.ATTR_WARNING, "the backend says MINOR"
    )


def test_a_refusal_has_code_and_text(device: DeviceProxy) -> None:
    with pytest.raises(DevFailed) as caught:
        device.write_attribute("voltage", 95.0)
    assert reason(caught)[0] == "API_WAttrOutsideLimit"
    with pytest.raises(DevFailed) as caught:
        device.write_attribute("mode", 7)
    with pytest.raises(DevFailed) as caught:
        device.command_inout("Trip")
    assert reason(caught) == ("hitline.interlock", "x1: the door is open: close it")
    assert caught.value.args[0].origin == "x1/trip"
    with pytest.raises(DevFailed) as caught:
        device.command_inout("Pair", ["no number", "text"])
    assert reason(caught) == ("hitline.type", "pair: wants count (int), text (str), got no number, text")
    with pytest.raises(DevFailed) as caught:
        device.command_inout("Pair", ["1"])
    assert "got 1 values" in reason(caught)[1]


def test_commands(device: DeviceProxy) -> None:
    for name, argument, note in (
        ("Call", "Anna", "Anna"),
        ("Pair", ["3", "x y"], "3 x y"),
        ("Stop", None, "stopped"),
    ):
        device.command_inout(name, argument) if argument is not None else device.command_inout(name)
        until(lambda note=note: device.read_attribute("note").value == note, note)
    device.command_inout("Jump", 2.5)
    until(lambda: device.read_attribute("place").value == 2.5, "jumped")
    assert device.command_query("Jump").in_type == tango.CmdArgType.DevDouble
    assert "to (float)" in device.command_query("Jump").in_type_desc


def test_the_python_way_of_attributes_works(device: DeviceProxy) -> None:
    device.mode = "Very_fast"
    until(lambda: device.mode.name == "Very_fast", "mode by its label")
    device.mode = "Slow"
    until(lambda: device.mode.name == "Slow", "mode is back")


def test_tangos_init_touches_nothing(device: DeviceProxy) -> None:
    before = device.read_attribute("preset").value
    device.command_inout("Init")
    assert device.read_attribute("preset").value == before and device.state() == DevState.STANDBY


def test_changes_are_pushed(device: DeviceProxy) -> None:
    seen: dict[str, list[Any]] = {"place": [], "moving": [], "State": [], "image": []}
    news = threading.Condition()

    def heard(name: str) -> Callable[[Any], None]:
        def call(event: Any) -> None:
            with news:
                seen[name].append(event.attr_value.value if not event.err else event.errors)
                news.notify_all()

        return call

    ids = [device.subscribe_event(name, tango.EventType.CHANGE_EVENT, heard(name)) for name in seen]
    try:
        with news:
            assert news.wait_for(lambda: all(seen.values()), WAIT_S), seen
        device.write_attribute("place", 7.5)
        with news:
            assert news.wait_for(lambda: seen["place"][-1] == 7.5 and seen["moving"][-1] is False, WAIT_S), (
                seen
            )
        assert seen["State"][-1] == DevState.STANDBY
        assert seen["image"][-1].shape == (6, 8)
    finally:
        for number in ids:
            device.unsubscribe_event(number)


def test_stop_and_reads_overtake_a_slow_set(rig: Rig, device: DeviceProxy) -> None:
    other = rig.device()
    other.ping()
    thread = threading.Thread(target=device.write_attribute, args=("slow", 5.0))
    thread.start()
    try:
        other.read_attribute("counts")
        other.command_inout("Stop")
        assert thread.is_alive(), "they waited for the set, or it was over too early for this test"
    finally:
        thread.join()
    assert until(lambda: other.read_attribute("slow").value == 5.0, "slow set done")


def test_a_new_look_at_a_device_that_stays_as_it_is_refuses_nothing(rig: Rig, device: DeviceProxy) -> None:
    other = rig.device()
    other.ping()
    with ThreadPoolExecutor() as pool:
        calls = [slow := pool.submit(device.write_attribute, "slow", 4.0)]
        while not slow.done():
            other.command_inout("Init")
            wait(calls, 0.2)  # what Init asked for is done by then, mostly
            calls.append(pool.submit(other.command_inout, "Call", "a word"))
        for call in calls:
            call.result()


def test_lost_hardware_is_invalid(own: Rig) -> None:
    device = own.device()
    device.command_inout("Lose")
    until(lambda: device.read_attribute("voltage").quality is AttrQuality.ATTR_INVALID, "invalid")
    assert device.read_attribute("image").quality is AttrQuality.ATTR_INVALID
    assert device.read_attribute("note").value is None
    assert device.read_attribute("counts").quality is not AttrQuality.ATTR_INVALID
    assert device.state() == DevState.STANDBY


def test_states_and_reset(own: Rig) -> None:
    device = own.device()
    device.command_inout("Fail")
    until(lambda: device.state() == DevState.FAULT, "fault")
    assert "broken" in device.status()
    device.command_inout("Reset")
    until(lambda: device.state() == DevState.STANDBY, "standby")


def test_what_fails_in_the_end_is_an_alarm_until_it_succeeds_or_a_reset(own: Rig) -> None:
    device = own.device()
    for cure in (lambda: device.write_attribute("place", 1.0), lambda: device.command_inout("Reset")):
        device.write_attribute("place", 2000.0)
        until(lambda: device.state() == DevState.ALARM, "alarm")
        assert device.status().startswith("INIT: ") and device.status().endswith("; something is in the way")
        assert device.read_attribute("moving").quality is AttrQuality.ATTR_ALARM
        cure()
        until(lambda: device.state() == DevState.STANDBY, "standby")
        assert "way" not in device.status()


def test_a_lost_backend_is_unknown_at_once_and_comes_back(own: Rig) -> None:
    device = own.device()
    states: list[Any] = []
    number = device.subscribe_event(
        "State",
        tango.EventType.CHANGE_EVENT,
        lambda event: states.append(event.attr_value and event.attr_value.value),
    )
    device.write_attribute("voltage", 60.0)
    until(lambda: device.read_attribute("voltage").value == 60.0, "set")
    own.backend.kill()
    until(lambda: device.read_attribute("voltage").quality is AttrQuality.ATTR_INVALID, "invalid")
    until(lambda: device.state() == DevState.UNKNOWN, "unknown")
    with pytest.raises(DevFailed) as caught:
        device.write_attribute("voltage", 1.0)
    assert reason(caught)[0] == "hitline.link"
    own.backend = Process("hitline.ioc.backend", str(own.file), "x1")
    own.backend.ready()
    until(lambda: device.state() == DevState.STANDBY, "back")
    until(lambda: device.read_attribute("voltage").value == 0.0, "what the instrument reports now")
    until(lambda: device.read_attribute("voltage").w_value == 0.0, "set value too")
    until(lambda: states and states[-1] == DevState.STANDBY and DevState.UNKNOWN in states, "pushed states")
    device.unsubscribe_event(number)


def test_another_version_of_the_instrument_changes_the_device(own: Rig) -> None:
    device = own.device()
    assert "silent" in device.get_attribute_list()
    seen: list[Any] = []
    change = tango.EventType.CHANGE_EVENT
    ids = [device.subscribe_event(name, change, seen.append) for name in ("silent", "voltage")]
    own.backend.end()
    until(lambda: device.state() == DevState.UNKNOWN, "gone")
    own.backend = Process("hitline.ioc.backend", str(own.file), "x1", env={"RICH_OTHER": "1"})
    own.backend.ready()
    until(lambda: "extra" in device.get_attribute_list(), "new attribute")
    until(lambda: "silent" not in device.get_attribute_list(), "old attribute gone")
    assert device.get_attribute_config("voltage").unit == "kV"
    device.write_attribute("voltage", 33.0)
    until(lambda: device.read_attribute("voltage").value == 33.0, "set")
    for number in ids:
        device.unsubscribe_event(number)


def test_clients_find_a_killed_face_again(own: Rig, free_port: int) -> None:
    own.face.end()
    own.file.write_text(own.file.read_text().replace("port = 0", f"port = {free_port}"))
    own.face = Process("hitline.ioc.faces.tango", str(own.file))
    own.port = own.face.ready()["tango_port"]
    device = own.device()
    until(lambda: device.read_attribute("voltage").quality == AttrQuality.ATTR_VALID, "connected")
    device.write_attribute("voltage", 12.0)
    until(lambda: device.read_attribute("voltage").value == 12.0, "set")
    own.face.kill()
    with pytest.raises(DevFailed):
        device.read_attribute("voltage")
    own.face = Process("hitline.ioc.faces.tango", str(own.file))
    own.face.ready()
    until(lambda: device.read_attribute("voltage").value == 12.0, "what the instrument reports")
    assert device.read_attribute("voltage").w_value == 12.0


def test_tangos_admin_device_restarts_a_device_and_ends_the_face(own: Rig) -> None:
    admin = DeviceProxy(f"tango://127.0.0.1:{own.port}/dserver/hitline/face#dbase=no")
    admin.command_inout("DevRestart", own.device().dev_name())
    until(lambda: own.device().read_attribute("place").value == 0.0, "attributes are there again")
    until(lambda: own.device().command_inout("Stop") is None, "commands too")
    with suppress(DevFailed):
        admin.command_inout("Kill")
    assert own.face.child.wait(WAIT_S) != 0
    assert own.backend.child.poll() is None


def test_the_face_ends_in_order_and_an_absent_instrument_is_unknown(own: Rig) -> None:
    assert own.device("station").state() == DevState.UNKNOWN
    assert "Traceback" not in "".join(own.face.log)
    assert own.face.end() == 0
    assert own.backend.child.poll() is None


def test_a_port_in_use_is_told(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text(
        STATION.format(group="other")
        .replace("port = 0", f"port = {rig.port}")
        .replace('overlays = ["site.db"]', "")
    )
    second = Process("hitline.ioc.faces.tango", str(file))
    with pytest.raises(AssertionError, match="does not start"):
        second.ready()
