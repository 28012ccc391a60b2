"""Puts through libca: completion, refusals with their reason, several at once, and what they leave behind."""

import asyncio
import socket
import struct

import pytest
from ca_rig import Libca, Rig
from hitline.bus.states import State

ECA_NORMAL, ECA_PUTFAIL = 1, 160


async def test_completion_comes_when_the_busy_flag_falls(rig: Rig, libca):
    p = rig.prefix
    await libca(f"watch('{p}Voltage').until(len)")
    put = asyncio.create_task(libca(f"put('{p}Level', 50), watch('{p}Voltage').heard[-1][0]"))
    await rig.shows("Ramping", 1)
    await rig.shows("Level", 50.0)
    assert not put.done()
    rig.device.finish.set()
    # what preceded the fall of the flag has been heard by the time the put is done
    assert await put == [True, 50.0]
    assert rig.device.calls == [("level", 50.0)]


async def test_put_without_callback_returns_at_once_and_a_read_sees_it(rig: Rig, libca):
    p = rig.prefix
    assert await libca(f"put('{p}Level', 50, wait=False), get('{p}Level')") == [True, 50.0]
    assert rig.channel("Ramping").content in (0, 1)
    rig.device.finish.set()


async def test_attribute_without_busy_completes_at_once(rig: Rig, libca):
    p = rig.prefix
    for name, value, seen in (
        ("Target", 7.0, ("target", 7)),
        ("On", "On", ("on", True)),
        ("Mode", 1, ("mode", "Slow")),
        ("Label.VAL$", "x" * 90, ("label", "x" * 90)),
        ("Label", "short", ("label", "short")),
    ):
        assert await libca(f"put('{p}{name}', {value!r})"), name
        assert rig.device.calls[-1] == seen
    assert await libca(f"get('{p}Target'), get('{p}On'), get('{p}Mode'), text('{p}Label')") == [
        7,
        1,
        1,
        "short",
    ]
    assert await libca(f"put('{p}Curve', np.array([1.0, 2.0]))")
    assert rig.device.calls[-1][1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Level", "250.0", ("250 V", "DRVH", "200 V")),
        ("Level", "float('nan')", ("nan",)),
        ("Level", "float('inf')", ("inf",)),
        ("Target", "5000.0", ("5000", "1000")),
        ("Target", "2.5", ("2.5", "whole number")),
        ("Mode", "7", ("7", "Aus, Slow, Fast")),
        ("Mode", "2", ("door closed",)),
    ],
)
async def test_refused_put_says_why_and_changes_nothing(rig: Rig, libca, name, value, words):
    p = rig.prefix
    before = rig.channel(name).content
    await libca(f"watch('{p}{name}').until(len)")
    count = await libca(f"len(watch('{p}{name}').heard)")
    assert await libca(f"put_status('{p}{name}', {value})") == ECA_PUTFAIL
    refusal = rig.face.own.updates["last_refusal"].value
    assert f"{p}{name}" in refusal
    for word in words:
        assert word in refusal
    assert await libca(f"get('{p}{name}')") == before
    assert (await libca(f"watch('{p}{name}').until(lambda h: len(h) > {count})[-1][0]")) == before


async def test_last_refusal_is_a_pv(rig_with_face_records, libca):
    rig = rig_with_face_records
    p = rig.prefix
    await libca(f"watch('{p}LastRefusal_RBV.VAL$').until(len)")
    await libca(f"put('{p}Level', 250)")
    await libca(f"watch('{p}LastRefusal_RBV.VAL$').until(lambda h: h[-1][0] != h[0][0])")
    text = await libca(f"bytes(get('{p}LastRefusal_RBV.VAL$')).rstrip(b'\\0').decode()")
    assert text == f"{p}Level: 250 refused: 250 V is above the record's limit DRVH of 200 V"


async def test_refused_plain_put_sends_the_true_value_again(rig: Rig, libca):
    p = rig.prefix
    await libca(f"watch('{p}Level').until(len)")
    count = await libca(f"len(watch('{p}Level').heard)")
    await libca(f"put('{p}Level', 250, wait=False)")
    assert (await libca(f"watch('{p}Level').until(lambda h: len(h) > {count})[-1][0]")) == 0


def plain_put(port: int, name: str, value: float) -> tuple[int, int, bytes]:
    """Write without callback in plain bytes; give command, status and text of the answer."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        padded = name.encode().ljust(-(-len(name) // 8) * 8 + 8, b"\0")
        sock.sendall(struct.pack(">HHHHII", 0, 0, 0, 13, 0, 0))
        sock.sendall(struct.pack(">HHHHII", 18, len(padded), 0, 0, 77, 13) + padded)
        while True:
            command, size, _, _, one, two = struct.unpack(">HHHHII", sock.recv(16, socket.MSG_WAITALL))
            payload = sock.recv(size, socket.MSG_WAITALL)
            if command == 18:
                sock.sendall(struct.pack(">HHHHII", 4, 8, 6, 1, two, 5) + struct.pack(">d", value))
            elif command == 11:
                assert one == 77, "the error names the client's channel"
                request = struct.unpack(">HHHHII", payload[:16])
                assert (request[0], request[5]) == (4, 5), "and carries the request's header"
                return command, two, payload[16:].rstrip(b"\0")


async def test_refused_plain_put_is_an_exception_with_the_reason_as_in_epics(rig: Rig, libca):
    port = rig.face.server.port
    answer = await libca.beside(plain_put, port, f"{rig.prefix}Level", 250.0)
    assert answer == (11, ECA_PUTFAIL, b"250 V is above the record's limit DRVH of 200 V")


async def test_commands(rig: Rig, libca):
    p = rig.prefix
    assert await libca(f"put('{p}Halt', 1)")
    assert await libca(f"put('{p}Halt', 0)")
    assert rig.device.calls == [("halt", None)]
    assert await libca(f"get('{p}Halt')") == 0
    rig.device.finish.clear()
    put = asyncio.create_task(libca(f"put('{p}Fire', 1), get('{p}Count')"))
    await rig.until(lambda: rig.channel("Fire").content == 1)
    assert not put.done()
    rig.device.finish.set()
    assert await put == [True, 1.0]
    await rig.shows("Fire", 0)
    assert await libca(f"put('{p}Say', 'hello')")
    assert rig.device.calls[-1] == ("say", "hello")
    assert await libca(f"text('{p}Say')") == "hello"
    await rig.satellite.move("initialize", {})
    assert await libca(f"put('{p}Reset', 1)")
    await rig.until(lambda: rig.satellite.state is State.INIT)


async def test_stop_overtakes_on_the_same_circuit_and_others_are_not_held(rig: Rig, libca):
    """Two puts wait for their end; reads and a stop on the same connection go through meanwhile."""
    p = rig.prefix
    await libca(
        f"A = pv('{p}Level'); B = pv('{p}Fire'); S = pv('{p}Halt'); V = pv('{p}Count')\n"
        "A.put(10, wait=False, use_complete=True); B.put(1, wait=False, use_complete=True)"
    )
    await rig.until(lambda: len(rig.device.calls) == 2)
    assert await libca("V.get(use_monitor=False, timeout=WAIT_S)") == 0
    assert await libca("A.put_complete, B.put_complete") == [False, False]
    assert await libca("S.put(1, wait=True, timeout=WAIT_S)") == 1
    await libca("wait_until(lambda: epics.ca.poll() or (A.put_complete and B.put_complete))")
    assert await libca("A.put_complete, B.put_complete") == [True, True]


async def test_slow_set_does_not_hold_reads_or_the_stop(rig: Rig, libca):
    """With a set under way, reads on the same and on another connection answer, and a stop acts."""
    p = rig.prefix
    rig.device.gate.clear()
    other = Libca(EPICS_CA_SERVER_PORT=str(rig.face.server.port))
    try:
        await other(f"V = pv('{p}Count')")
        await libca(
            f"A = pv('{p}Target'); S = pv('{p}Halt'); V = pv('{p}Count')\n"
            "A.put(10, wait=False, use_complete=True)"
        )
        await rig.until(lambda: rig.device.calls)
        for client in (other, libca):
            assert await client("V.get(use_monitor=False, timeout=WAIT_S)") == 0
        assert await libca("A.put_complete") is False
        assert await libca("S.put(1, wait=True, timeout=WAIT_S)") == 1
        assert ("halt", None) in rig.device.calls and await libca("A.put_complete") is False
        rig.device.gate.set()
        await rig.shows("Target", 10)
    finally:
        other.close()


@pytest.mark.parametrize(("pv", "value"), [("Level", 10.0), ("Fire", 1)])
async def test_what_fails_ends_a_waiting_put_as_failed(rig: Rig, libca, pv, value):
    p = rig.prefix
    rig.device.failure = "the supply has tripped"
    put = asyncio.create_task(libca(f"put_status('{p}{pv}', {value})"))
    await rig.shows("Ramping", 1)
    rig.device.finish.set()
    assert await put == ECA_PUTFAIL
    assert "has failed: the supply has tripped" in rig.face.own.updates["last_refusal"].value
    rig.device.failure = ""
    assert await libca(f"put_status('{p}{pv}', {value})") == ECA_NORMAL


async def test_lost_link_ends_a_waiting_put_as_failed(rig: Rig, libca):
    p = rig.prefix
    put = asyncio.create_task(libca(f"put_status('{p}Level', 10.0, 10.0)"))
    await rig.shows("Ramping", 1)
    await rig.satellite.stop()
    assert await put == ECA_PUTFAIL
    assert "outcome unknown" in rig.face.own.updates["last_refusal"].value


async def test_set_that_is_not_answered_in_time_has_an_unknown_outcome(rig: Rig, libca):
    p = rig.prefix
    rig.device.gate.clear()
    assert await libca(f"put_status('{p}Target', 9.0)") == ECA_PUTFAIL
    assert "read back" in rig.face.own.updates["last_refusal"].value
    rig.device.gate.set()
    await rig.shows("Target", 9)


async def test_many_pending_puts_of_one_client_are_bounded(rig: Rig, libca, monkeypatch):
    from hitline.ioc.faces.ca import writes

    monkeypatch.setattr(writes, "MAX_PUTS", 3)
    p = rig.prefix
    await libca(
        f"PS = [epics.PV('{p}Level') for _ in range(4)]; [q.wait_for_connection(WAIT_S) for q in PS]\n"
        "for q in PS[:3]: q.put(1, wait=False, use_complete=True)"
    )
    await rig.until(lambda: len(rig.device.calls) == 3)
    assert await libca(f"put_status('{p}Level', 2.0)") == ECA_PUTFAIL
    assert len(rig.device.calls) == 3
    rig.device.finish.set()
