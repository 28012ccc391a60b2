"""MCC: what the emulator takes and rejects, by the vendor's manual."""

import pytest
from hitline.ioc.protocols.phytron.telegram import encode


@pytest.mark.parametrize(
    ("telegram", "reply"),
    [
        (b"\x020IVR\x03", b"\x02\x06MINILOG"),
        (encode(["XP20R"]), b"\x02\x060"),
        (b"\x020XP20R\x03", b"\x02\x060"),
        (b"\x020XP20R:XX\x03", b"\x02\x060"),
        (b"\x020XP20R:00\x03", b"\x02\x15"),
        (b"\x020XP20R XP21R\x03", b"\x02\x15"),
        (b"\x020M1.1P20R\x03", b"\x02\x15"),
        (b"\x020XP20=5\x03", b"\x02\x15"),
        (b"\x020XP14S40000\x03", b"\x02\x06"),
        (b"\x020XP14S40001\x03", b"\x02\x15"),
        (b"\x020YP20R\x03", b"\x02\x15"),
        (b"\x020XQ\x03", b"\x02\x15"),
        (b"\x020XR+\x03", b"\x02\x15"),
        (b"\x020X=H\x03", b"\x02\x06E"),
        (b"\x020SUI\x03", b"\x02\x06I=0"),
        (b"\x02@X+100\x03", b""),
        (b"\x025IVR\x03", b""),
    ],
)
async def test_what_the_emulator_takes_and_rejects(make, telegram, reply):
    """A checksum is optional but must be right; one command at a time; its own words; 40 kHz at most."""
    async with make(kind="mcc") as b:
        found = b"".join(b.emulator.device.receive(telegram))
        assert found.startswith(reply) and bool(found) is bool(reply)


async def test_without_its_power_stage_nothing_moves(make):
    async with make(kind="mcc") as b:
        assert b.emulator.device.receive(b"\x020XMD\x03") == [b"\x02\x06\x03"]
        (found,) = b.emulator.device.receive(b"\x020X+100\x03")
        assert found.startswith(b"\x02\x15") and b.rail.place == 0
