"""A session that was traced is played to another driver: it finds the same readout and the same hits.

`session.trace.gz` is one with the emulator, kept so that later drivers must still understand it; one from
hardware would stand beside it. It is what the first test leaves in its folder `traces`, compressed.
"""

from pathlib import Path

from hitline.ioc.emulators.traced import Traced
from hitline.ioc.trace_file import Record, read
from katherine_bench import driver_on
from kit.ports import free_port

KEPT = Path(__file__).with_name("session.trace.gz")
KEPT_HITS = 2010
SHOWN = ("chip_id", "hardware", "generation", "serial_number", "firmware", "link_rate", "readout_temperature")
OPTIONS = {"bias_low": 0.0, "bias_high": 200.0, "receive_mib": 4, "poll_s": 0.1}


async def session(b):
    """Meet, set up, bias, two exposures, the second stopped; give what was seen."""
    await b.satellite.move("initialize", {})
    await b.set("acquire_time", 0.1)
    await b.set("voltage_set", 50.0)
    await b.until(lambda: b["ramping"] is False)
    await b.run()
    await b.acquire()
    await b.satellite.move("stop")
    shown = {name: b[name] for name in (*SHOWN, "hits_sent", "hits_logged", "hits_lost", "condition")}
    return shown, b.log().payloads


async def take(make, folder):
    """A session with the emulator, traced."""
    async with make(initialize=False, trace=folder, **OPTIONS) as b:
        seen = await session(b)
    (path,) = folder.iterdir()
    return path, *seen


async def played(group, folder, path):
    """The same with a trace; what was seen, and the script as it was played."""
    data_port = free_port()
    async with Traced(path, address="127.0.0.2", stream_port=data_port) as readout:
        options = {
            "address": "127.0.0.2",
            "control_port": readout.port,
            "local_control_port": free_port(),
            "data_port": data_port,
            **OPTIONS,
        }
        async with driver_on(group, folder, options) as b:
            return (*await session(b), readout.script)


async def test_a_traced_session_is_played_again(make, group, tmp_path):
    path, shown, payloads = await take(make, tmp_path / "traces")
    again = await played(f"{group}-2", tmp_path / "again", path)
    assert again[0] == shown and again[1] == payloads
    assert shown["hits_logged"] > 1000 and shown["condition"] == "GOOD"
    script = again[2]
    assert not script.unknown and not script.skipped and script.matched > 60


async def test_the_kept_session_is_still_understood(group, tmp_path):
    shown, payloads, script = await played(group, tmp_path, KEPT)
    assert shown["chip_id"] == "K7-W0005" and shown["hardware"] == "Katherine for Timepix3"
    assert shown["hits_sent"] == shown["hits_logged"] == KEPT_HITS and shown["hits_lost"] == 0
    assert len(payloads[0]) > 6 * KEPT_HITS and not script.unknown
    assert KEPT.stat().st_size < 100_000


async def test_a_trace_that_lacks_datagrams_gives_a_run_that_lacks_hits(group, tmp_path):
    """As from hardware: what did not come is counted at the end of the frame."""
    header, records = read(KEPT)
    kept = [header.line()]
    left_out = 0
    for record in records:
        data = record.data if isinstance(record, Record) and record.channel == "data" else b""
        if not left_out and len(data) > 600 and all(top >> 4 in (4, 5) for top in data[5::6]):
            left_out = sum(top >> 4 == 4 for top in data[5::6])
            continue
        kept.append(record.line())
    path = tmp_path / "less.trace"
    path.write_text("".join(kept))
    shown, _, _ = await played(group, tmp_path, path)
    assert shown["hits_lost"] == left_out > 50
    assert shown["hits_logged"] == KEPT_HITS - left_out
