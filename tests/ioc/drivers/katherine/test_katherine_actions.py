"""What an operator does with a readout: triggers, stops, pulses, scans, files, tests."""

import numpy as np
import pytest
from hitline.bus.attribute import Refused
from hitline.bus.log.verify import Quality, verify
from hitline.ioc.emulators.katherine.answers import FIXED_V, MONITOR_V
from hitline.ioc.emulators.katherine.source import E_PER_MV
from hitline.ioc.emulators.world.tracks import PAIR_KEV
from hitline.ioc.protocols.katherine import matrix
from hitline.ioc.protocols.katherine.dacs import DACS, MONITORS
from test_katherine_hits import MODES, compare

TRIM8 = 1 << 1
"""Trim 8: its highest bit is the lowest of the code."""


def pulsed(pixels):
    """Codes with these pixels [(x, y), ...] on and pulsed, all others masked."""
    codes = np.ones((256, 256), np.uint8)
    for x, y in pixels:
        codes[y, x] = 1 << 5 | TRIM8
    return codes


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("edge", ["Rising", "Falling"])
async def test_a_delayed_start_waits_for_its_edge(make, generation, edge):
    async with make(emulator={"gen": generation}) as b:
        await b.set("acquire_time", 0.1)
        await b.set("start_edge", edge)
        await b.set("start_channel", 3)
        await b.set("start_delayed", True)
        await b.run()
        await b.begin()
        emulator = b.rig.emulator
        await b.until(lambda: emulator.value("acquiring"))
        await emulator.set_trigger_channel(2)
        await emulator.do_trigger()
        await b.until(lambda: b["trigger_words"])
        assert b["hits_logged"] == 0 and b.driver.acquiring, "another channel"
        await emulator.set_trigger_channel(3)
        await emulator.set_trigger_falling(edge == "Falling")
        await emulator.do_trigger()
        await b.end()
        await b.satellite.move("stop")
        words = 2 * generation
        assert b["trigger_words"] == words == b.log().ends[0]["trigger_words"]
        compare(b.log().decoded(), b.truth, "ToA+ToT", True, False)
        assert b["hits_lost"] == 0 and b["condition"] == "GOOD"


async def test_a_stop_trigger_ends_the_frame(make):
    async with make() as b:
        await b.set("acquire_time", 30.0)
        await b.set("stop_edge", "Falling")
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 500)
        await b.rig.emulator.set_trigger_falling(True)
        await b.rig.emulator.do_trigger()
        await b.end()
        await b.satellite.move("stop")
        assert b["hits_lost"] == 0 and b["condition"] == "GOOD"
        compare(b.log().decoded(), b.truth, "ToA+ToT", True, False)


@pytest.mark.parametrize("on_stop", ["finish", "aborted"])
async def test_stop_ends_an_exposure_early(make, on_stop):
    """With the count of the frame the loss is known; after the word of an abort it is not, and it says so."""
    async with make(emulator={"on_stop": on_stop}) as b:
        await b.set("acquire_time", 30.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 500)
        await b.driver.do_stop()
        await b.end()
        end_lost = b["hits_lost"]
        await b.satellite.move("stop")
        compare(b.log().decoded(), b.truth, "ToA+ToT", True, False)
        quality = verify(b.root / "r1").quality
        if on_stop == "finish":
            assert end_lost == 0 and b["condition"] == "GOOD" and quality is Quality.GOOD
        else:
            assert end_lost is None and "INCOMPLETE" in b["condition"]
            assert "aborted by the readout" in b.quality("condition")[1] and quality is Quality.INCOMPLETE


async def test_an_exposure_without_limit_lasts_until_the_stop(make):
    async with make(emulator={"on_stop": "finish"}) as b:
        await b.set("acquire_time", 0.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 3000)
        await b.driver.do_stop()
        await b.end()
        assert b["hits_lost"] == 0 and b["detector_state"] == "Idle"


@pytest.mark.parametrize("readout", ["Data driven", "Sequential"])
async def test_digital_pulses_come_as_often_as_asked_where_asked(make, readout):
    pixels = [(x, (37 * x) % 256) for x in range(0, 256, 5)]
    async with make(emulator={"rate_hz": 0.0}) as b:
        b.rig.emulator.world.sources = ()
        await b.set("pixels", pulsed(pixels))
        assert b["pixels_pulsed"] == len(pixels) and b["pixels_masked"] == 65536 - len(pixels)
        await b.set("pulses", "Digital")
        await b.set("pulse_count", 300)
        await b.set("pulse_period", 1025)
        await b.set("readout", readout)
        await b.set("acquire_time", 0.05)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        found = b.log().decoded()
        image = np.zeros((256, 256), int)
        np.add.at(image, (found["y"], found["x"]), 1)
        wanted = np.zeros((256, 256), int)
        wanted[tuple(np.array(pixels).T[::-1])] = 300 if readout == "Data driven" else 1  # one word a pixel
        assert np.array_equal(image, wanted) and b["hits_lost"] == 0
        if readout == "Data driven":
            assert set(np.diff(np.unique(found["t_unwrapped"]))) == {1025 * 16}


async def test_analogue_pulses_are_in_proportion_to_their_amplitude(make):
    pixels = [(x, x) for x in range(0, 256, 8)]
    async with make(emulator={"rate_hz": 0.0}, polarity="Holes") as b:
        b.rig.emulator.world.sources = ()
        await b.set("pixels", pulsed(pixels))
        await b.set("threshold", 1800)
        await b.set("pulses", "Analogue")
        await b.set("pulse_count", 50)
        await b.set("acquire_time", 0.05)
        await b.run()
        front = b.rig.emulator.source.front
        x, y = np.array(pixels).T
        shape = front.curve(front.threshold_e(1800))
        for number, coarse in enumerate((140, 180), 1):
            await b.set("dac_vtp_coarse", coarse)
            await b.set("dac_vtp_fine", 200)
            assert b["pulse_amplitude"] == 5.0 * coarse - 2.5 * 200
            await b.acquire()
            found = b.log().decoded(number)
            assert len(found["tot"]) == 50 * len(pixels)
            kev = b["pulse_amplitude"] * E_PER_MV * PAIR_KEV * front.gain
            assert found["tot"].mean() == pytest.approx(shape.tot(kev)[y, x].mean(), rel=0.01)


async def test_dac_outputs_and_adc(make):
    async with make() as b:
        await b.set("dac_vtp_fine", 511)
        await b.driver.set_monitor("VTP_fine")
        assert b["monitor_voltage"] == pytest.approx(MONITOR_V)
        await b.driver.do_scan_dacs()
        volts = dict(zip((name for _, name in MONITORS), b["dac_voltages"], strict=True))
        assert len(volts) == 22 and volts["BandGap"] == pytest.approx(FIXED_V["BandGap"])
        for dac, code in zip(DACS, b.rig.emulator.readout.chip.setting.dacs, strict=True):
            assert volts[dac.name] == pytest.approx(MONITOR_V * code / dac.max, abs=1e-6), dac.name
        for channel in (0, 5):
            await b.driver.set_adc_channel(channel)
            assert b["adc_voltage"] == pytest.approx(0.1 * (1 + channel))


async def test_nothing_that_flushes_registers_happens_while_acquiring(make):
    async with make(emulator={"on_stop": "finish"}) as b:
        await b.set("acquire_time", 30.0)
        await b.run()
        await b.begin()
        for action in (
            b.driver.do_scan_dacs,
            b.driver.do_configure,
            b.driver.do_test_digital,
            lambda: b.driver.set_monitor("Vfbk"),
            lambda: b.driver.set_adc_channel(1),
            lambda: b.driver.set_threshold(1700),
        ):
            with pytest.raises(Refused, match="stop it first"):
                await action()
        await b.set("voltage_set", 50.0)
        await b.driver.do_stop()
        await b.end()
        assert b["hits_lost"] == 0 and b["voltage_set"] == 50.0


async def test_digital_test_and_communication(make):
    async with make() as b:
        await b.driver.do_test_digital()
        assert b["configuring"] is True
        await b.driver.chip.finished()
        assert b["digital_test"] == 64 and b.quality("digital_test")[0] == "OK"
        assert (b["link_lines"], b["link_chips"]) == (3, 1) and b["link_rate"] == 1280.0
        severity, reason = b.quality("configured")
        assert b["configured"] is False and severity == "MINOR" and "send configure" in reason


@pytest.mark.parametrize("suffix", ["bmc", "bpc", "txt"])
async def test_pixel_files_of_every_format_go_out_and_in(make, tmp_path, suffix):
    codes = np.random.default_rng(5).integers(0, 64, (256, 256), np.uint8)
    path = tmp_path / f"pixels.{suffix}"
    async with make() as b:
        await b.set("pixels", codes)
        await b.driver.do_save_pixels(str(path))
        assert np.array_equal(matrix.read(path).codes(), codes)
        await b.set("pixels", np.zeros((256, 256), np.uint8))
        await b.set("pixel_file", str(path))
        assert np.array_equal(b["pixels"], codes) and b["pixel_file"] == str(path)
        assert np.array_equal(b.rig.emulator.readout.chip.setting.pixels.codes(), codes)
        with pytest.raises(Refused, match="is there already: choose another name"):
            await b.driver.do_save_pixels(str(path))
        assert np.array_equal(matrix.read(path).codes(), codes)
        with pytest.raises(Refused, match=r"no such folder|No such file"):
            await b.driver.do_save_pixels(str(tmp_path / "none" / path.name))
    raw = path.read_bytes()
    if suffix != "txt":
        natural = np.frombuffer(raw, np.uint8).reshape(256, 256)
        assert np.array_equal(natural & 0x21, codes & 0x21)
        assert np.array_equal(natural, codes) is (suffix == "bmc"), "BPC has the trim in natural order"


@pytest.mark.parametrize("readout, frames", [("Data driven", 1), ("Sequential", 3)])
@pytest.mark.parametrize("mode, fast", MODES)
async def test_second_generation_in_every_mode(make, mode, fast, readout, frames):
    async with make(emulator={"gen": 2, "rate_hz": 5e4}) as b:
        for name, value in (
            ("acquire_time", 0.1), ("readout", readout), ("frames", frames), ("mode", mode), ("fast", fast),
        ):  # fmt: skip
            await b.set(name, value)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        compare(b.log().decoded(), b.truth, mode, fast, readout == "Sequential")
        assert b["hits_lost"] == 0 and b["condition"] == "GOOD" and len(b.truth) == frames
