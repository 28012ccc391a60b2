"""What goes wrong with a readout: shown with severity and reason, and over without a restart."""

import socket

import numpy as np
import pytest
from hitline.bus.attribute import Refused
from hitline.bus.log.verify import Quality, verify

HERE = "127.0.0.1"


async def exposure(b, seconds=0.1):
    """A good exposure: the proof that all is well again."""
    await b.set("acquire_time", seconds)
    await b.acquire()
    assert b["hits_lost"] == 0 and b["hits_logged"] > 0 and b["detector_state"] == "Idle"


async def test_a_silent_readout_is_invalid_and_comes_back(make):
    async with make() as b:
        await exposure(b)
        await b.rig.emulator.set_stall(True)
        await b.until(lambda: b["detector_state"] == "Disconnected")
        for name in ("detector_state", "chip_id", "voltage_measured", "sensor_temperature", "configured"):
            severity, reason = b.quality(name)
            assert severity == "INVALID" and "no answer from 127.0.0.2" in reason, name
        assert b.satellite.state.name == "INIT", "no exposure went on, so nothing has failed"
        with pytest.raises(Refused, match=r"no answer from .* check power, cable and address"):
            await b.begin()
        await b.rig.emulator.set_stall(False)
        await b.until(lambda: b["detector_state"] == "Idle")
        await b.until(lambda: b.quality("chip_id")[0] == "OK")
        assert b["configured"] is False and b.quality("configured")[0] == "MAJOR"
        await exposure(b)
        assert b["configured"] is True


async def test_silence_in_an_exposure_ends_it_with_an_error(make):
    async with make() as b:
        await b.set("acquire_time", 30.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 500)
        await b.rig.emulator.set_stall(True)
        await b.end()
        await b.until(lambda: b.satellite.state.name == "ERROR")
        assert "no answer" in b.satellite.machine.status and b["hits_lost"] is None
        assert "INCOMPLETE" in b["condition"]
        await b.rig.emulator.set_stall(False)
        await b.until(lambda: b.quality("chip_id")[0] == "OK")
        await b.satellite.move("initialize", {})
        log = b.log()
        assert log.ends[0]["counts"]["hits_lost"] is None and "no answer" in log.ends[0]["error"]
        assert verify(b.root / "r1").quality is Quality.INCOMPLETE
        await b.rig.emulator.do_reboot(0.0)
        await b.until(lambda: not b["configured"])
        await exposure(b)


async def test_a_readout_that_restarts_between_exposures_is_told_and_configured_again(make):
    async with make() as b:
        await exposure(b)
        await b.rig.emulator.do_reboot(0.0)
        await b.until(lambda: not b["configured"])
        severity, reason = b.quality("configured")
        assert severity == "MAJOR" and "the readout has restarted" in reason and "Send configure" in reason
        assert b.quality("voltage_set")[0] == "INVALID"
        await b.driver.do_configure()
        await b.driver.chip.finished()
        assert b["configured"] is True and b.quality("configured")[0] == "OK"
        await exposure(b)


async def test_a_readout_that_restarts_in_an_exposure_makes_the_run_incomplete(make):
    async with make() as b:
        await b.set("acquire_time", 30.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 500)
        await b.rig.emulator.do_reboot(0.0)
        await b.end()
        await b.until(lambda: b.satellite.state.name == "ERROR")
        assert "the readout has restarted" in b.satellite.machine.status
        assert "INCOMPLETE" in b["condition"] and b["hits_lost"] is None
        await b.satellite.move("initialize", {})
        assert "restarted" in " ".join(b.log().totals["flaws"])
        assert verify(b.root / "r1").quality is Quality.INCOMPLETE
        await exposure(b)


async def test_answers_that_are_lost_leave_the_outcome_unknown_and_nothing_is_repeated(make):
    async with make(poll_s=60.0) as b:
        await b.driver.do_configure()
        await b.driver.chip.finished()
        before = b.rig.emulator.readout.commands
        await b.rig.emulator.set_drop_crd(1)
        with pytest.raises(Refused, match="outcome unknown"):
            await b.set("frames", 3)
        assert b.rig.emulator.readout.commands == before + 1, "sent once"
        assert b.quality("frames")[0] == "INVALID" and b["answers_missing"] is not None
        assert b["configured"] is False and "frames" in b.quality("configured")[1]
        await b.driver.do_configure()
        await b.driver.chip.finished()
        assert b["configured"] is True and b.quality("frames")[0] == "OK"


async def test_an_end_that_does_not_come_in_its_time_fails_the_exposure(make):
    async with make(poll_s=60.0, end_timeout_s=0.2) as b:
        await b.set("acquire_time", 2.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"])
        await b.rig.emulator.set_late_ms(10_000.0)
        await b.until(lambda: b.satellite.state.name == "ERROR")
        assert "missing is" in b.satellite.machine.status and "INCOMPLETE" in b["condition"]


async def test_late_answers_are_never_taken_for_those_of_later_questions(make):
    async with make(poll_s=60.0) as b:
        await b.rig.emulator.set_late_ms(2000.0)
        with pytest.raises(Refused, match="no answer"):
            await b.driver.set_adc_channel(3)
        await b.rig.emulator.set_late_ms(0.0)
        await b.driver.set_adc_channel(5)
        assert b["adc_channel"] == 5
        await b.driver.watch.look()
        assert b["answers_missing"] >= 1


async def test_doubled_answers_are_strays(make):
    async with make(emulator={"duplicate": 1.0}) as b:
        await b.set("frames", 1)
        await b.until(lambda: (b["answers_stray"] or 0) > 5)
        assert b["chip_id"] == "K7-W0005" and b["detector_state"] == "Idle"
        await b.until(lambda: b.quality("answers_stray") == ("MINOR", "late, or doubled"))


async def test_a_foreign_host_that_answers_is_not_believed(make):
    async with make(emulator={"foreign": True}) as b:
        await b.until(lambda: b.quality("answers_stray")[0] == "MINOR")
        assert "127.0.0.3" in b.quality("answers_stray")[1]
        assert b["chip_id"] == "K7-W0005" and b["readout_temperature"] == 45.25
        await exposure(b)


async def test_another_chip_is_refused(make):
    async with make(initialize=False, chip_id="A1-W0001") as b:
        with pytest.raises(Refused):
            await b.satellite.move("initialize", {})
        assert b.satellite.state.name == "ERROR"
        assert (
            "the chip at 127.0.0.2 is K7-W0005, the station file wants A1-W0001" in b.satellite.machine.status
        )
        assert b.quality("chip_id")[0] == "MAJOR"


async def test_a_pixel_file_that_is_cut_off_is_refused_and_nothing_changes(make, tmp_path):
    short, whole = tmp_path / "short.bmc", tmp_path / "whole.bmc"
    codes = np.random.default_rng(1).integers(0, 64, 65536, np.uint8)
    whole.write_bytes(codes.tobytes())
    short.write_bytes(codes[:-1].tobytes())
    async with make() as b:
        await b.set("pixel_file", str(whole))
        with pytest.raises(Refused, match="65535 bytes, a BMC file has 65536"):
            await b.set("pixel_file", str(short))
        assert b["pixel_file"] == str(whole) and np.array_equal(b["pixels"].ravel(), codes)
        assert np.array_equal(b.rig.emulator.readout.chip.setting.pixels.codes().ravel(), codes)
    async with make(initialize=False, pixel_file=short) as b:
        with pytest.raises(Refused, match="65535 bytes"):
            await b.satellite.move("initialize", {})


@pytest.mark.parametrize("chunk", [1, 30, 64])
async def test_an_upload_that_loses_a_datagram_is_done_again(make, chunk):
    codes = np.random.default_rng(chunk).integers(0, 64, (256, 256), np.uint8)
    async with make() as b:
        await b.rig.emulator.set_drop_px_chunk(chunk)
        await b.set("pixels", codes)
        assert b["pixels_masked"] == np.count_nonzero(codes & 1)
        assert np.array_equal(b.rig.emulator.readout.chip.setting.pixels.codes(), codes)
        assert b.rig.emulator.knobs.drop_px_chunk == 0, "it was lost"
        await b.until(lambda: b["detector_state"] == "Idle")


async def test_bias_outside_of_the_limits_is_refused_with_value_limit_and_unit(make):
    async with make() as b:
        with pytest.raises(Refused, match="250 V is outside of -10 to 200 V"):
            await b.set("voltage_set", 250.0)
        assert b.rig.emulator.readout.chip.setting.bias_v == 0.0
        await b.set("voltage_set", 120.0)
        await b.until(lambda: b["ramping"] is False)
        assert abs(b["voltage_measured"] - 120.0) < 1.0 and b["voltage_set"] == 120.0
        assert b.rig.emulator.readout.chip.setting.bias_v == 120.0
    async with make(bias_low=0.0, bias_high=0.0) as b:
        with pytest.raises(Refused, match="bias_low and bias_high of the station file"):
            await b.set("voltage_set", 1.0)


async def test_a_data_port_that_another_program_has_is_told(make):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HERE, 0))
        port = taken.getsockname()[1]
        async with make(initialize=False, data_port=port) as b:
            with pytest.raises(Refused, match=f"UDP port {port} .* choose another data_port"):
                await b.satellite.move("initialize", {})


async def test_a_small_receive_buffer_is_told(make):
    async with make(receive_mib=1024) as b:
        granted = b["receive_buffer"]
        small = granted < 4 * 2**20
        assert granted > 0 and b.quality("receive_buffer")[0] == ("MINOR" if small else "OK")
    async with make(receive_mib=1) as b:
        assert b.quality("receive_buffer")[0] == "OK", "it is what was asked for"


async def test_stop_is_obeyed_though_the_link_waits_for_an_answer(make):
    async with make() as b:
        await b.set("acquire_time", 30.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 500)
        await b.rig.emulator.set_drop_crd(100)
        await b.driver.do_stop()
        await b.until(lambda: not b.rig.emulator.value("acquiring") or not b.driver.acquiring)
        await b.end()
        assert b["acquiring"] is False and b["hits_logged"] > 500


async def test_a_readout_that_does_not_obey_stop_is_told_and_not_started_again(make):
    async with make(emulator={"on_stop": "ignore"}) as b:
        await b.set("acquire_time", 4.0)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 500)
        await b.driver.do_stop()
        await b.end()
        assert "still sent when it was long stopped" in b.quality("condition")[1]
        assert "INCOMPLETE" in b["condition"] and b["hits_lost"] is None
        await b.begin()
        await b.end()
        await b.until(lambda: b.satellite.state.name == "ERROR")
        assert "did not obey" in b.satellite.machine.status
