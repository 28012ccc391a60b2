"""Who may write: rules by the real address of the peer, never by what it claims; deny when in doubt."""

import logging
import socket
import struct
from pathlib import Path

import pytest
from ca_rig import Rig, running
from hitline.db.records import Record
from hitline.ioc.faces.ca.access import Gate, read
from hitline.ioc.faces.ca.put import Client
from hitline.ioc.faces.table import SHIPPED

LOCAL = Client("127.0.0.1", True, "anything", "anybody")
REMOTE = Client("10.0.0.5", False, "localhost", "root")


@pytest.mark.parametrize("client", [LOCAL, REMOTE])
@pytest.mark.parametrize("group", ["", "DEFAULT", "READBACK", "CONTROL", "SAFE", "UNKNOWN"])
@pytest.mark.parametrize("rtype", ["ai", "ao"])
def test_shipped_rules_for_every_group_and_peer(group, client, rtype):
    gate, wrong = read(SHIPPED / "access.acf")
    assert not wrong
    record = Record(rtype, "X", {"ASG": group} if group else {})
    rights = gate.value(record)(client)
    writes = group in ("CONTROL", "SAFE") and client.local and rtype == "ao"
    assert int(rights) == (3 if writes else 1)
    assert int(gate.field(record)(client)) == 1


def test_missing_or_broken_rules_deny_every_write(tmp_path: Path):
    broken = tmp_path / "broken.acf"
    broken.write_text("ASG(DEFAULT) { RULE(1, WRITE")
    for path in tmp_path / "absent.acf", broken:
        gate, wrong = read(path)
        assert "nobody may write" in wrong
        assert int(gate.value(Record("ao", "X", {"ASG": "CONTROL"}))(LOCAL)) & 2 == 0


def test_names_of_hosts_are_looked_up_once(tmp_path: Path):
    rules = tmp_path / "a.acf"
    rules.write_text(
        'HAG(h) {localhost, "no.such.host.invalid"} ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) {HAG(h)} }'
    )
    gate, wrong = read(rules)
    assert not wrong and "127.0.0.1" in gate.policy.hosts["h"]
    record = Record("ao", "X")
    assert int(gate.value(record)(Client("127.0.0.1", False))) == 3
    assert int(gate.value(record)(Client("10.1.1.1", False, "localhost"))) == 1


def test_users_are_matched_as_claimed(tmp_path: Path):
    rules = tmp_path / "a.acf"
    rules.write_text("UAG(u) {operator} ASG(DEFAULT) { RULE(1, READ) RULE(1, WRITE) {UAG(u)} }")
    gate, _ = read(rules)
    assert int(Gate.value(gate, Record("ao", "X"))(Client("10.1.1.1", False, "h", "operator"))) == 3
    assert int(Gate.value(gate, Record("ao", "X"))(Client("10.1.1.1", False, "h", "guest"))) == 1


async def test_libca_shows_the_rights(rig: Rig, libca):
    p = rig.prefix
    assert await libca(
        f"pv('{p}Level').write_access, pv('{p}Voltage').write_access, pv('{p}Level.HIGH').write_access"
    ) == [True, False, False]
    assert await libca(f"pv('{p}Voltage').read_access") is True


def raw_put(source: str, port: int, name: str, value: float) -> tuple[int, int]:
    """Put with callback from `source`, claiming to be root on localhost; give (rights, status)."""
    with socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0)) as sock:
        padded = name.encode().ljust(-(-len(name) // 8) * 8 + 8, b"\0")
        sock.sendall(
            struct.pack(">HHHHII", 0, 0, 0, 13, 0, 0)
            + struct.pack(">HHHHII", 20, 8, 0, 0, 0, 0)
            + b"root\0\0\0\0"
            + struct.pack(">HHHHII", 21, 16, 0, 0, 0, 0)
            + b"localhost".ljust(16, b"\0")
            + struct.pack(">HHHHII", 18, len(padded), 0, 0, 1, 13)
            + padded
        )
        rights = 0
        while True:
            command, size, _, _, one, two = struct.unpack(">HHHHII", sock.recv(16, socket.MSG_WAITALL))
            sock.recv(size, socket.MSG_WAITALL)
            if command == 22:
                rights = two
            elif command == 18:
                sock.sendall(struct.pack(">HHHHII", 19, 8, 6, 1, two, 99) + struct.pack(">d", value))
            elif command == 19:
                assert two == 99, "the answer carries the number of the request"
                return rights, one


async def test_rule_is_by_address_and_holds_for_a_client_that_ignores_its_rights(
    group, tmp_path: Path, ca_port, prefix, libca, caplog
):
    rules = tmp_path / "site.acf"
    rules.write_text(
        'HAG(console) {"127.0.0.3"} ASG(DEFAULT) { RULE(1, READ) } '
        "ASG(CONTROL) { RULE(1, READ) RULE(1, WRITE) {HAG(console)} }"
    )
    caplog.set_level(logging.INFO, "hitline.ca.put")
    async with running(group, tmp_path, ca_port, prefix=prefix, access=rules) as rig:
        name = f"{prefix}Target"
        assert await libca(f"pv('{name}').write_access") is False
        assert await libca.beside(raw_put, "127.0.0.1", ca_port, name, 5.0) == (1, 376)
        assert not rig.device.calls
        assert "may not write" in rig.face.own.updates["last_refusal"].value
        assert await libca.beside(raw_put, "127.0.0.3", ca_port, name, 6.0) == (3, 1)
        assert rig.device.calls == [("target", 6)]
    lines = [record.getMessage() for record in caplog.records if record.name == "hitline.ca.put"]
    who = "root@localhost (127.0.0.1)"
    assert lines == [
        f"{who} wrote {name}: 5 refused: {who} may not write {name}",
        f"root@localhost (127.0.0.3) wrote {name}: 0 -> 6",
    ]


async def test_denied_read_is_denied(group, tmp_path: Path, ca_port, prefix, libca):
    rules = tmp_path / "site.acf"
    rules.write_text("ASG(DEFAULT) { RULE(1, READ) } ASG(CONTROL) { RULE(1, NONE) }")
    gate, _ = read(rules)
    assert int(gate.value(Record("ao", "X", {"ASG": "CONTROL"}))(LOCAL)) in (0, 1)
