"""Every field of every record type answers as EPICS base's own IOC does: type, count, value, text."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import caproto as ca
import pytest
from ca_rig import HERE, Libca, running
from hitline.ioc.faces.ca.fields import STATE_FIELDS, TYPES, fields
from kit.patience import WAIT_S
from kit.ports import free_port

ALARMS = """field(HIHI, "9") field(HIGH, "8") field(LOW, "-8") field(LOLO, "-9") field(HHSV, "MAJOR")
    field(HSV, "MINOR") field(LLSV, "MAJOR") field(LSV, "MINOR") field(HYST, "1") field(HOPR, "10")
    field(LOPR, "-10") field(EGU, "keV")"""
DRIVE = 'field(DRVH, "5") field(DRVL, "-5")'
MANY = (
    'field(ZRST, "Idle") field(ONST, "Run") field(TWST, "Halt") field(ONSV, "MINOR") field(UNSV, "INVALID")'
)
TWO = 'field(ZNAM, "Shut") field(ONAM, "Open") field(OSV, "MAJOR")'
FIELDS = {
    "ai": ALARMS + 'field(PREC, "3")',
    "ao": ALARMS + DRIVE + 'field(PREC, "3")',
    "longin": ALARMS,
    "int64in": ALARMS,
    "longout": ALARMS + DRIVE,
    "int64out": ALARMS + DRIVE,
    "bi": TWO,
    "bo": TWO,
    "mbbi": MANY,
    "mbbo": MANY,
    "lsi": 'field(SIZV, "80")',
    "lso": 'field(SIZV, "80")',
    "waveform": 'field(FTVL, "LONG") field(NELM, "100") field(EGU, "ct") field(HOPR, "1000")',
}
FIELDS = {
    rtype: FIELDS.get(rtype, "") + 'field(DESC, "One of each") field(ASG, "CONTROL")' for rtype in TYPES
}
ARRAYS = {
    f"w{ftype}": f'field(FTVL, "{ftype}") field(NELM, "3")'
    for ftype in ("CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64", "UINT64", "FLOAT", "DOUBLE")
}

OTHERS_OWN = {
    "VAL",
    "DTYP",
    "ASG",
    "TIME",
    "HASH",
    "UTAG",
    "LCNT",
    "PACT",
    "NSTA",
    "NSEV",
    "NAMSG",
    *STATE_FIELDS,
}
"""What a running record changes, or the IOC decides; of these only type and count are compared."""

DESCRIBE = """
from kit.patience import SCALE
PATIENCE_S = 20  # without it pyepics gives up after half a second
QUIET_S = 2 * SCALE  # what has not connected while nothing else did for so long is not there

def describe(names):
    pvs = {n: epics.PV(n, auto_monitor=False, connection_timeout=PATIENCE_S) for n in names}
    before, pause = -1, threading.Event()
    while before < (now := sum(p.connected for p in pvs.values())) < len(pvs):
        before = now
        pause.wait(QUIET_S)
    return {n: described(p.chid) if p.connected else None for n, p in pvs.items()}

def described(c):
    kind, count = epics.ca.field_type(c), epics.ca.element_count(c)
    return [kind, count, str(plain(epics.ca.get(c, timeout=PATIENCE_S))), text_of(c)]

def text_of(c):
    return str(plain(epics.ca.get(c, ftype=0, timeout=PATIENCE_S)))
"""


def test_whole_numbers_written_as_floats():
    field = fields("int64out")["DRVH"]
    assert [field.read(text) for text in ("9007199254740992.0", "1e3", "0x10", "-5", "")] == [
        2**53,
        1000,
        16,
        -5,
        0,
    ]
    for wrong in "1.5", "abc", "nan", "inf":
        with pytest.raises((ValueError, OverflowError)):
            field.read(wrong)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A soft IOC with a record of each type, and a client of it."""
    folder = tmp_path_factory.mktemp("real")
    text = "".join(f'record({rtype}, "F:{rtype}") {{ {body} }}\n' for rtype, body in FIELDS.items())
    text += "".join(f'record(waveform, "F:{name}") {{ {body} }}\n' for name, body in ARRAYS.items())
    (folder / "real.db").write_text(text)
    environment = {
        "EPICS_CA_SERVER_PORT": str(free_port()),
        "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
    }
    ioc = subprocess.Popen(
        [sys.executable, str(HERE / "ca_soft_ioc.py"), str(folder / "real.db")],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
    )
    line = ""
    while line.strip() != "ready":
        line = ioc.stdout.readline()
        assert line, "softioc did not start"
    client = Libca(**environment)
    client.ask(DESCRIBE)
    yield client
    client.close()
    ioc.stdin.close()
    ioc.wait(WAIT_S)
    ioc.stdout.close()


async def test_fields_answer_as_epics_base(
    real: Libca, libca: Libca, group: str, tmp_path: Path, ca_port: int
):
    bound = {
        "bi": "on",
        "bo": "on",
        "mbbi": "mode",
        "mbbo": "mode",
        "waveform": "image",
        "ai": "voltage",
        "ao": "level",
        "stringin": "label",
        "stringout": "label",
        "lsi": "label",
        "lso": "label",
    }
    db = "".join(
        f'record({rtype}, "F:{rtype}") {{ {body} info(hitline, "dev {bound.get(rtype, "count")}") }}\n'
        for rtype, body in FIELDS.items()
    )
    db += "".join(
        f'record(waveform, "F:{name}") {{ {body} info(hitline, "dev image") }}\n'
        for name, body in ARRAYS.items()
    )
    names = [f"F:{rtype}.{field}" for rtype in TYPES for field in fields(rtype)]
    names += [f"F:{name}.{field}" for name in ("waveform", *ARRAYS) for field in ("VAL", "FTVL", "NELM")]
    names += [
        f"F:{rtype}.{name}$"
        for rtype in TYPES
        for name, field in fields(rtype).items()
        if field.native is ca.ChannelType.STRING
    ]
    names += ["F:lso.$", "F:ai.", "F:ai.PREC$"]
    async with running(group, tmp_path, ca_port, prefix="", db=db):
        await libca(DESCRIBE)
        ours, theirs = await asyncio.gather(libca(f"describe({names})"), real(f"describe({names})"))
    wrong = []
    for name in names:
        field = name.partition(".")[2]
        # of a long string read as DBR_STRING, EPICS gives the codes of its bytes; we give the text
        compared = 2 if field.strip("$") in OTHERS_OWN or not field.strip("$") else 3 if "$" in field else 4
        if (ours[name] and ours[name][:compared]) != (theirs[name] and theirs[name][:compared]):
            wrong.append((name, ours[name], theirs[name]))
    assert not wrong, "\n" + "\n".join(map(str, wrong))


async def test_control_structures_as_epics_base(
    real: Libca, libca: Libca, group: str, tmp_path: Path, ca_port: int
):
    """Units, precision, limits and state texts, asked for in the native control type."""
    db = "".join(
        f'record({rtype}, "F:{rtype}") {{ {body} info(hitline, "dev count") }}\n'
        for rtype, body in FIELDS.items()
    )
    ask = (
        "{n: str({k: v for k, v in (pv('F:' + n).get_ctrlvars() or {}).items()"
        " if k not in ('status', 'severity', 'value', 'char_value')})"
        f" for n in {[t for t in TYPES if not t.startswith(('string', 'ls'))]}}}"
    )
    async with running(group, tmp_path, ca_port, prefix="", db=db):
        ours = await libca(ask)
    assert ours == await real(ask)
