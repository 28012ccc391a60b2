"""What a client on libca sees: values, metadata, alarms, texts, images, fields, aliases."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ca_rig import Rig, running
from hitline.bus.attribute import Severity


async def test_scalars_of_every_record_type(rig: Rig, libca):
    p, device = rig.prefix, rig.device
    device.publish("voltage", 42.5)
    device.publish("count", 2**40 + 1)
    device.publish("mode", "Slow")
    device.publish("on", True)
    device.publish("label", "häß" * 19)
    await rig.shows("Label_RBV", "häß" * 19)
    assert await libca(f"get('{p}Voltage')") == 42.5
    assert await libca(f"ftype('{p}Voltage')") == 6
    assert await libca(f"get('{p}Count')") == float(2**40 + 1)
    assert await libca(f"text('{p}Count')") == "1099511627777"
    assert await libca(f"get('{p}Mode')") == 1
    assert await libca(f"get('{p}Mode_RBV', as_string=True)") == "Slow"
    assert await libca(f"pv('{p}Mode').enum_strs") == ["Aus", "Slow", "Fast"]
    assert await libca(f"get('{p}On', as_string=True)") == "On"
    assert await libca(f"bytes(get('{p}Label.VAL$')).rstrip(b'\\0').decode()") == "häß" * 19
    short = await libca(f"text('{p}Short')")
    assert short.startswith("häß") and len(short.encode()) <= 39
    assert await libca(f"ftype('{p}Label_RBV'), ftype('{p}Label_RBV.VAL$'), pv('{p}Label_RBV.$').count") == [
        0,
        4,
        100,
    ]


async def test_metadata_and_fields(rig: Rig, libca):
    p = rig.prefix
    made = f"pv('{p}Level').get_ctrlvars()"
    meta = await libca(f"{{k: plain(v) for k, v in {made}.items()}}")
    assert (meta["units"], meta["precision"]) == ("V", 2)
    assert (meta["upper_disp_limit"], meta["lower_disp_limit"]) == (300, -300)
    assert (meta["upper_ctrl_limit"], meta["lower_ctrl_limit"]) == (200, -200)
    meta = await libca(f"{{k: plain(v) for k, v in pv('{p}Voltage').get_ctrlvars().items()}}")
    assert (meta["upper_alarm_limit"], meta["upper_warning_limit"]) == (150, 100)
    assert math.isnan(meta["lower_alarm_limit"])
    for field, value, text in (
        ("RTYP", "ao", "ao"),
        ("NAME", f"{p}Level", f"{p}Level"),
        ("DESC", "Set level", None),
        ("EGU", "V", None),
        ("PREC", 2, None),
        ("DRVH", 200, "200.00"),
        ("DRVL", -200, None),
        ("ASG", "CONTROL", None),
        ("SCAN", 0, "Passive"),
        ("SEVR", 0, "NO_ALARM"),
        ("UDF", 0, None),
        ("VAL", 0, None),
    ):
        assert await libca(f"get('{p}Level.{field}')") == value
        if text is not None:
            assert await libca(f"text('{p}Level.{field}')") == text
    assert await libca(f"get('{p}Image_RBV.NELM'), get('{p}Image_RBV.FTVL', as_string=True)") == [
        262144,
        "LONG",
    ]
    assert await libca(f"epics.PV('{p}Level.NOPE').wait_for_connection(0.3)") is False
    assert await libca(f"epics.PV('{p}Level.VAL$').wait_for_connection(0.3)") is False
    assert await libca(f"get('{p}Level.DESC$', as_string=True)") == "Set level"


async def test_alias_is_a_full_pv(rig: Rig, libca):
    p = rig.prefix
    rig.device.finish.set()
    assert await libca(f"put('{p}Bias', 12)")
    await rig.shows("Level", 12.0)
    assert await libca(f"get('{p}Bias'), get('{p}Bias.EGU'), get('{p}Bias.NAME')") == [12.0, "V", f"{p}Level"]
    assert await libca(f"watch('{p}Bias').until(lambda h: h[-1][0] == 12)[-1][0]") == 12


async def test_time_stamps_are_the_backends_to_the_nanosecond(rig: Rig, libca):
    p = rig.prefix
    rig.device.publish("voltage", 1.25, time_ns=1_600_000_000_123_456_789)
    await rig.shows("Voltage", 1.25)
    assert await libca(
        f"pv('{p}Voltage').get_timevars()['posixseconds'], pv('{p}Voltage').get_timevars()['nanoseconds']"
    ) == [1_600_000_000, 123_456_789]


async def test_limits_hysteresis_and_the_worse_severity(rig: Rig, libca):
    p, device = rig.prefix, rig.device
    pick = "(lambda v: (v['value'], v['severity'], v['status']))"
    get = f"{pick}(pv('{p}Voltage', form='time').get_with_metadata())"
    for value, severity, status in (
        (50, 0, 0),
        (120, 1, 4),
        (160, 2, 3),
        (145, 2, 3),
        (120, 1, 4),
        (91, 1, 4),
        (89, 0, 0),
    ):
        device.publish("voltage", float(value))
        await rig.until(lambda value=value: rig.channel("Voltage").content == value)
        assert await libca(get) == [value, severity, status], value
    device.publish("voltage", 120.0, Severity.MAJOR, "interlock open")
    await rig.until(lambda: rig.channel("Voltage").state.severity == 2)
    assert await libca(get) == [120, 2, 7]
    assert await libca(f"get('{p}Voltage.AMSG')") == "interlock open"
    device.publish("voltage", 160.0, Severity.MINOR, "warm")
    await rig.until(lambda: rig.channel("Voltage").content == 160)
    assert await libca(get) == [160, 2, 3]
    device.publish("voltage", 1.0, Severity.INVALID, "no answer")
    await rig.until(lambda: rig.channel("Voltage").state.severity == 3)
    assert await libca(get) == [1, 3, 9]
    device.publish("mode", "Slow")
    await rig.until(lambda: rig.channel("Mode").state.severity == 1)
    assert await libca(f"text('{p}Mode.SEVR'), text('{p}Mode.STAT')") == ["MINOR", "STATE"]


async def test_steady_severity_does_not_flip(rig: Rig, libca):
    """Caproto alternates alarm and no alarm when the same severity is written again and again."""
    p, device = rig.prefix, rig.device
    await libca(f"watch('{p}Voltage')")
    for n in range(6):
        device.publish("voltage", 110.0 + n)
        await rig.until(lambda n=n: rig.channel("Voltage").content == 110 + n)
    heard = await libca(f"watch('{p}Voltage').until(lambda h: h[-1][0] == 115)")
    assert {severity for value, severity, *_ in heard if value >= 110} == {1}


async def test_alarm_of_one_record_is_its_own(rig: Rig, libca):
    """Caproto shares one alarm among all PVs of a group: a limit of one raised, and re-sent, all."""
    p, device = rig.prefix, rig.device
    for name in ("Count", "Voltage", "On"):
        await libca(f"watch('{p}{name}').until(len)")
    before = await libca(f"len(watch('{p}Count').heard), len(watch('{p}On').heard)")
    device.publish("voltage", 170.0)
    await libca(f"watch('{p}Voltage').until(lambda h: h[-1][1] == 2)")
    device.publish("exposure", 1)
    await libca(f"watch('{p}Exposure').until(lambda h: h[-1][0] == 1)")
    assert await libca(f"len(watch('{p}Count').heard), len(watch('{p}On').heard)") == before
    assert await libca(f"get('{p}Count.SEVR'), get('{p}On.SEVR')") == [0, 0]


async def test_state_fields_are_monitored(rig: Rig, libca):
    p = rig.prefix
    await libca(f"watch('{p}Voltage.SEVR').until(len)")
    rig.device.publish("voltage", 170.0)
    heard = await libca(f"watch('{p}Voltage.SEVR').until(lambda h: h[-1][0] == 2)")
    assert [value for value, *_ in heard] == [0, 2]


async def test_masks_choose_what_is_sent(rig: Rig, libca):
    p = rig.prefix
    await libca(f"watch('{p}Voltage').until(len); watch('{p}Voltage.VAL', auto_monitor=4).until(len)")
    for value in (1.0, 2.0, 170.0, 171.0):
        rig.device.publish("voltage", value)
        await libca(f"watch('{p}Voltage').until(lambda h: h[-1][0] == {value})")
    heard = await libca(f"watch('{p}Voltage.VAL').until(lambda h: h[-1][0] == 170)")
    assert [value for value, *_ in heard] == [0.0, 170.0]


async def test_image(rig: Rig, libca):
    p = rig.prefix
    image = np.arange(512 * 512, dtype="<i4").reshape(512, 512)
    await libca(f"watch('{p}Image_RBV')")
    rig.device.publish("image", image)
    assert (await libca(f"watch('{p}Image_RBV').until(lambda h: h[-1][0][1:2] == [262144])[-1][0]")) == [
        "array",
        262144,
        0,
        262143,
    ]
    assert await libca(f"get('{p}Image_RBV.NORD')") == 262144
    assert await libca(f"int((get('{p}Image_RBV') == np.arange(262144)).sum())") == 262144
    assert await libca(f"get('{p}Image_RBV', count=10)") == list(range(10))
    assert await libca(f"get('{p}Image_RBV.VAL[2:4]')") == [2, 3, 4]
    rig.device.publish("curve", np.arange(5.0))
    await rig.until(lambda: rig.channel("Curve").length == 5)
    assert await libca(f"get('{p}Curve'), get('{p}Curve.NORD')") == [[0, 1, 2, 3, 4], 5]


async def test_unchanged_values_are_not_sent_again(rig: Rig, libca):
    p = rig.prefix
    await libca(f"watch('{p}Count').until(len)")
    for value in (5, 5, 5, 6):
        rig.device.publish("count", value)
        await rig.shows("Count", value)
    heard = await libca(f"watch('{p}Count').until(lambda h: h[-1][0] == 6)")
    assert [value for value, *_ in heard if value >= 5] == [5, 6]


async def test_record_that_does_not_fit_is_invalid_with_its_reason(rig: Rig, libca):
    p = rig.prefix
    assert await libca(f"get('{p}Wrong.SEVR', as_string=True)") == "INVALID"
    assert "mm" in await libca(f"get('{p}Wrong.AMSG')")
    assert "EGU is 'mm'" in rig.face.own.updates["face_errors"].value
    rig.device.publish("count", 2**60)
    await rig.shows("Count", 2**60)


async def test_absent_instrument_is_invalid_and_a_put_to_it_refused(rig: Rig, libca):
    p = rig.prefix
    assert await libca(f"text('{p}Nobody.SEVR'), text('{p}Nobody.STAT')") == ["INVALID", "UDF"]
    assert await libca(f"put_status('{p}Nobody', 1.0)") != 1


async def test_lost_link_is_invalid_at_once_with_the_last_value(rig: Rig, libca):
    p = rig.prefix
    rig.device.publish("voltage", 33.0)
    await libca(f"watch('{p}Voltage').until(lambda h: h[-1][0] == 33)")
    await rig.satellite.stop()
    heard = await libca(f"watch('{p}Voltage').until(lambda h: h[-1][1] == 3)")
    assert heard[-1][:2] == [33.0, 3]
    await rig.until(lambda: rig.channel("Fire").state.severity == 3)
    assert await libca(f"put_status('{p}Target', 5.0)") == 160
    assert "not connected" in rig.face.own.updates["last_refusal"].value


@pytest.mark.parametrize(
    "text",
    [
        'record(ai, "$(P)Bad") { field(HIGH, "x") field(HSV, "MINOR") info(hitline, "dev voltage") }',
        'record(calc, "$(P)Bad") { field(CALC, "A+1") }',
        'record(ai, "$(P)Bad") {',
        'record(ai, "$(P)Bad") { field(LINR, "9") info(hitline, "dev voltage") }',
    ],
)
async def test_bad_overlay_never_takes_the_face_down(group, tmp_path, ca_port, prefix, libca, text):
    db = 'record(int64in, "$(P)Count") { info(hitline, "dev count") }\n' + text
    async with running(group, tmp_path, ca_port, prefix=prefix, db=db) as rig:
        rig.device.publish("count", 3)
        await rig.shows("Count", 3)
        assert await libca(f"get('{prefix}Count')") == 3
        assert "Bad" in rig.face.own.updates["face_errors"].value


async def test_value_that_nobody_foresaw_stays_with_its_record(rig: Rig):
    def broken(value, update):
        raise RuntimeError("not foreseen")

    original = rig.channel("Voltage").show
    channel = rig.channel("Voltage")
    channel.show = lambda value, update: (broken if value else original)(value, update)
    rig.device.publish("voltage", 5.0)
    rig.device.publish("count", 5)
    await rig.shows("Count", 5)
    await rig.until(lambda: "not foreseen" in rig.channel("Voltage").state.message)
    assert rig.channel("Voltage").state.severity == 3


async def test_foreign_table_after_restart_is_looked_at_again(rig: Rig):
    """A backend that comes back with another table invalidates what no longer fits."""
    await rig.satellite.stop()
    await rig.until(lambda: rig.channel("Count").state.severity == 3)
    attributes = tuple(replace(a, unit="A") if a.name == "level" else a for a in rig.device.ATTRIBUTES)
    device = type(rig.device)
    rig.device = type("Device", (device,), {"ATTRIBUTES": attributes})("dev")
    await rig.start_backend()
    await rig.until(lambda: "comes in A" in rig.channel("Level").state.message)
    await rig.shows("Count", 0)
