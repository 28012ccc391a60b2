"""EPICS base as the judge: loads databases by its own reader and prints what it made of them.

Run as a program: standard input is a JSON list of [file, macros]; each is loaded into a fresh database (a
forked child), and standard output gets a JSON list of what it said when it refused, or of {"records": ...,
"aliases": ...} with values as EPICS base shows them. `differs` compares such an answer with our reader's.
"""

import ctypes
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def load_all(cases: list[list[str]]) -> list[Any]:
    from epicscorelibs.ioc import (
        DEFAULT_DBD_PATH,
        dbCore,
        dbLoadDatabase,
        pdbbase,
        registerRecordDeviceDriver,
    )

    dbLoadDatabase(os.path.join(DEFAULT_DBD_PATH, "base.dbd").encode(), DEFAULT_DBD_PATH.encode(), None)
    registerRecordDeviceDriver(pdbbase)
    for name in (
        "dbGetString",
        "dbGetRecordName",
        "dbGetFieldName",
        "dbGetInfoName",
        "dbGetInfoString",
        "dbGetRecordTypeName",
    ):
        function = getattr(dbCore, name)
        function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    for name in (
        "dbFirstRecordType",
        "dbNextRecordType",
        "dbFirstRecord",
        "dbNextRecord",
        "dbFirstInfo",
        "dbNextInfo",
        "dbIsDefaultValue",
        "dbIsAlias",
    ):
        getattr(dbCore, name).argtypes = [ctypes.c_void_p]
    for name in ("dbFirstField", "dbNextField"):
        getattr(dbCore, name).argtypes = [ctypes.c_void_p, ctypes.c_int]
    dbCore.dbInitEntry.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    return [in_child(dbCore, pdbbase, file, macros) for file, macros in cases]


def in_child(core: Any, base: Any, file: str, macros: str) -> Any:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(Path(file).parent)
        said = tempfile.TemporaryFile()  # noqa: SIM115 - the child ends without leaving any block
        os.dup2(said.fileno(), 2)
        load = core.dbLoadTemplate if file.endswith(".substitutions") else core.dbLoadRecords
        load.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        refused = load(file.encode(), macros.encode())
        said.seek(0)
        answer = said.read().decode(errors="replace") if refused else dump(core, base)
        with os.fdopen(writing, "w") as out:
            json.dump(answer, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else "the reader took the process with it"


def dump(core: Any, base: Any) -> dict[str, Any]:
    entry = ctypes.cast(ctypes.create_string_buffer(4096), ctypes.c_void_p)
    core.dbInitEntry(base, entry)

    def text(function: Any) -> str:
        raw = function(entry)
        return raw.decode(errors="surrogateescape") if raw is not None else ""

    records: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    type_status = core.dbFirstRecordType(entry)
    while type_status == 0:
        rtype = text(core.dbGetRecordTypeName)
        status = core.dbFirstRecord(entry)
        while status == 0:
            name = text(core.dbGetRecordName)
            fields, info = {}, {}
            more = core.dbFirstField(entry, 0)
            if core.dbIsAlias(entry):
                aliases[name] = text(core.dbGetString)
                status = core.dbNextRecord(entry)
                continue
            while more == 0:
                fields[text(core.dbGetFieldName)] = [
                    text(core.dbGetString),
                    bool(core.dbIsDefaultValue(entry)),
                ]
                more = core.dbNextField(entry, 0)
            more = core.dbFirstInfo(entry)
            while more == 0:
                info[text(core.dbGetInfoName)] = text(core.dbGetInfoString)
                more = core.dbNextInfo(entry)
            records[name] = {"rtype": rtype, "fields": fields, "info": info}
            status = core.dbNextRecord(entry)
        type_status = core.dbNextRecordType(entry)
    return {"records": records, "aliases": aliases}


def differs(theirs: dict[str, Any], ours: Any) -> str:
    """Say how our Database differs from EPICS base's, or nothing."""
    if set(theirs["records"]) != set(ours.records):
        return f"records {sorted(theirs['records'])} against {sorted(ours.records)}"
    if theirs["aliases"] != ours.aliases:
        return f"aliases {theirs['aliases']} against {ours.aliases}"
    for name, record in ours.records.items():
        other = theirs["records"][name]
        if other["rtype"] != record.rtype or other["info"] != record.info:
            return f"{name}: {other['rtype']} {other['info']} against {record.rtype} {record.info}"
        changed = {n for n, (_, default) in other["fields"].items() if not default} - {"NAME", "DTYP", "UDF"}
        if not changed <= set(record.fields):
            return f"{name}: EPICS base changed {sorted(changed)}, we {sorted(record.fields)}"
        for field, value in record.fields.items():
            if not same(other["fields"][field][0], value):
                return f"{name}.{field}: {other['fields'][field][0]!r} against {value!r}"
    return ""


def same(theirs: str, ours: str) -> bool:
    """Equal text, or equal numbers: EPICS base shows a number as it stored it."""
    if theirs == ours:
        return True
    try:
        values = [
            float(int(t, 0)) if t.strip().lower().lstrip("+-").startswith("0x") else float(t or 0)
            for t in (theirs, ours)
        ]
    except ValueError:
        return False
    return math.isclose(values[0], values[1], rel_tol=1e-6) or values[0] == values[1]


if __name__ == "__main__":
    real, devnull = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)  # what EPICS base prints is no answer
    result = load_all(json.load(sys.stdin))
    os.write(real, json.dumps(result).encode())
