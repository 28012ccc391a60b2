"""Fields of the served record types: name, type and default, as EPICS base 7 defines them (Record Reference).

Clients read fields to learn what a PV is (`.RTYP`, `.DESC`, `.HIGH`, `.SEVR`), so every field that a real
record answers is answered here, in the type that a real record gives it over Channel Access. Those that mean
nothing without record processing keep their defaults.
"""

from dataclasses import dataclass
from functools import cache

import caproto as ca
from hitline.db.supported import STATES

MENUS = {
    "SCAN": (
        "Passive",
        "Event",
        "I/O Intr",
        "10 second",
        "5 second",
        "2 second",
        "1 second",
        ".5 second",
        ".2 second",
        ".1 second",
    ),
    "PINI": ("NO", "YES", "RUN", "RUNNING", "PAUSE", "PAUSED"),
    "DTYP": ("Soft Channel",),
    "STAT": (
        "NO_ALARM",
        "READ",
        "WRITE",
        "HIHI",
        "HIGH",
        "LOLO",
        "LOW",
        "STATE",
        "COS",
        "COMM",
        "TIMEOUT",
        "HWLIMIT",
        "CALC",
        "SCAN",
        "LINK",
        "SOFT",
        "BAD_SUB",
        "UDF",
        "DISABLE",
        "SIMM",
        "READ_ACCESS",
        "WRITE_ACCESS",
    ),
    "SEVR": ("NO_ALARM", "MINOR", "MAJOR", "INVALID"),
    "YESNO": ("NO", "YES"),
    "PRIO": ("LOW", "MEDIUM", "HIGH"),
    "CONVERT": (
        "NO CONVERSION",
        "SLOPE",
        "LINEAR",
        "typeKdegF",
        "typeKdegC",
        "typeJdegF",
        "typeJdegC",
        "typeEdegF(ixe only)",
        "typeEdegC(ixe only)",
        "typeTdegF",
        "typeTdegC",
        "typeRdegF",
        "typeRdegC",
        "typeSdegF",
        "typeSdegC",
    ),
    "SIMM": ("NO", "YES", "RAW"),
    "OMSL": ("supervisory", "closed_loop"),
    "OIF": ("Full", "Incremental"),
    "IVOA": ("Continue normally", "Don't drive outputs", "Set output to IVOV"),
    "CHANGE": ("On Change", "Always"),
    "ALWAYS": ("Always", "On Change"),
    "FTYPE": (
        "STRING",
        "CHAR",
        "UCHAR",
        "SHORT",
        "USHORT",
        "LONG",
        "ULONG",
        "INT64",
        "UINT64",
        "FLOAT",
        "DOUBLE",
        "ENUM",
    ),
    "OOPT": (
        "Every Time",
        "On Change",
        "When Zero",
        "When Non-zero",
        "Transition To Zero",
        "Transition To Non-zero",
    ),
}
"""Choices of menu fields."""

WIRE = {
    "STRING": ca.ChannelType.STRING,
    "LINK": ca.ChannelType.STRING,
    "CHAR": ca.ChannelType.CHAR,
    "UCHAR": ca.ChannelType.CHAR,
    "SHORT": ca.ChannelType.INT,
    "USHORT": ca.ChannelType.LONG,
    "LONG": ca.ChannelType.LONG,
    "ULONG": ca.ChannelType.DOUBLE,
    "INT64": ca.ChannelType.DOUBLE,
    "UINT64": ca.ChannelType.DOUBLE,
    "FLOAT": ca.ChannelType.FLOAT,
    "DOUBLE": ca.ChannelType.DOUBLE,
    "ENUM": ca.ChannelType.ENUM,
}
"""Type of a database field -> its type over Channel Access (EPICS base, db_access.c)."""

_COMMON = """NAME:STRING DESC:STRING ASG:STRING SCAN:SCAN PINI:PINI PHAS:SHORT EVNT:STRING TSE:SHORT TSEL:LINK
DTYP:DTYP DISV:SHORT=1 DISA:SHORT SDIS:LINK DISP:UCHAR PROC:UCHAR STAT:STAT=17 SEVR:SEVR AMSG:STRING NSTA:STAT
NSEV:SEVR NAMSG:STRING ACKS:SEVR ACKT:YESNO=1 DISS:SEVR LCNT:UCHAR PACT:UCHAR PUTF:UCHAR RPRO:UCHAR PRIO:PRIO
TPRO:UCHAR UDF:UCHAR=1 UDFS:SEVR=3 UTAG:UINT64 FLNK:LINK RTYP:STRING"""
_SIMULATION = "SIML:LINK SIOL:LINK SIMS:SEVR OLDSIMM:SIMM SSCN:SCAN=65535 SDLY:DOUBLE=-1"
_SIMPLE = _SIMULATION + " SIMM:YESNO"
_RAW = _SIMULATION + " SIMM:SIMM"
_ANALOG = """EGU:STRING PREC:SHORT LINR:CONVERT EGUF:DOUBLE EGUL:DOUBLE AOFF:DOUBLE ESLO:DOUBLE=1 EOFF:DOUBLE
ROFF:ULONG INIT:SHORT=1 LBRK:SHORT RVAL:LONG ORAW:LONG"""
_OUT = "OUT:LINK DOL:LINK OMSL:OMSL IVOA:IVOA"
_POST = "MPST:CHANGE APST:CHANGE"


def _numeric(kind: str) -> str:
    names = ["HOPR", "LOPR", "HIHI", "LOLO", "HIGH", "LOW", "HYST", "ADEL", "MDEL", "LALM", "ALST", "MLST"]
    return " ".join(f"{name}:{kind}" for name in names) + " HHSV:SEVR LLSV:SEVR HSV:SEVR LSV:SEVR"


def _drive(kind: str) -> str:
    return f"DRVH:{kind} DRVL:{kind} IVOV:{kind} "


_FILTER = " AFTC:DOUBLE AFVL:DOUBLE"
_BITS = "COSV:SEVR RVAL:ULONG ORAW:ULONG MASK:ULONG MLST:USHORT LALM:USHORT"
_TWO = f"ZNAM:STRING ONAM:STRING ZSV:SEVR OSV:SEVR {_BITS}"
_MANY = (
    " ".join(f"{s}VL:ULONG {s}ST:STRING {s}SV:SEVR" for s in STATES)
    + f" NOBT:USHORT UNSV:SEVR SDEF:SHORT=1 SHFT:USHORT {_BITS}"
)

_RECORDS = {
    "ai": f"VAL:DOUBLE INP:LINK ASLO:DOUBLE=1 SMOO:DOUBLE SVAL:DOUBLE {_ANALOG} {_numeric('DOUBLE')} {_RAW}"
    + _FILTER,
    "ao": f"VAL:DOUBLE OVAL:DOUBLE PVAL:DOUBLE OROC:DOUBLE ASLO:DOUBLE OIF:OIF RBV:LONG ORBV:LONG OMOD:UCHAR "
    f"{_ANALOG} {_numeric('DOUBLE')} {_drive('DOUBLE')} {_OUT} {_RAW}",
    "bi": f"VAL:ENUM INP:LINK SVAL:ULONG {_TWO} {_RAW}",
    "bo": f"VAL:ENUM HIGH:DOUBLE RBV:ULONG ORBV:ULONG IVOV:USHORT {_TWO} {_OUT} {_RAW}",
    "mbbi": f"VAL:ENUM INP:LINK SVAL:ULONG {_MANY} {_RAW}" + _FILTER,
    "mbbo": f"VAL:ENUM RBV:ULONG ORBV:ULONG IVOV:USHORT {_MANY} {_OUT} {_RAW}",
    "longin": f"VAL:LONG INP:LINK EGU:STRING SVAL:LONG {_numeric('LONG')} {_SIMPLE}" + _FILTER,
    "longout": f"VAL:LONG EGU:STRING PVAL:LONG OOCH:YESNO=1 OOPT:OOPT {_numeric('LONG')} {_drive('LONG')} "
    f"{_OUT} {_SIMPLE}",
    "int64in": f"VAL:INT64 INP:LINK EGU:STRING SVAL:INT64 {_numeric('INT64')} {_SIMPLE}" + _FILTER,
    "int64out": f"VAL:INT64 EGU:STRING {_numeric('INT64')} {_drive('INT64')} {_OUT} {_SIMPLE}",
    "stringin": f"VAL:STRING OVAL:STRING INP:LINK SVAL:STRING {_POST} {_SIMPLE}",
    "stringout": f"VAL:STRING OVAL:STRING IVOV:STRING {_POST} {_OUT} {_SIMPLE}",
    "lsi": f"VAL:STRING OVAL:STRING SIZV:USHORT=41 LEN:ULONG OLEN:ULONG INP:LINK {_POST} {_SIMPLE}",
    "lso": f"VAL:STRING OVAL:STRING SIZV:USHORT=41 LEN:ULONG OLEN:ULONG IVOV:STRING {_POST} {_OUT} {_SIMPLE}",
    "waveform": f"RARM:SHORT PREC:SHORT INP:LINK EGU:STRING HOPR:DOUBLE LOPR:DOUBLE NELM:ULONG=1 FTVL:FTYPE "
    f"BUSY:SHORT NORD:ULONG HASH:ULONG MPST:ALWAYS APST:ALWAYS {_SIMPLE}",
}

TYPES = tuple(_RECORDS)
"""Record types that are served."""

VALUE_FIELDS = ("OVAL", "PVAL", "LALM", "ALST", "MLST")
"""Fields that show the value."""

STATE_FIELDS = ("STAT", "SEVR", "AMSG", "UDF", "ACKS", "NORD", "LEN", *VALUE_FIELDS)
"""Fields that change with the value."""


_SIZES = {"NAME": 61, "DESC": 41, "ASG": 29, "EGU": 16}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record type."""

    kind: str
    """Type in the database, or the name of its menu."""
    default: str = ""
    size: int = 40
    """Bytes of a text with its end, when read as a long string."""

    @property
    def choices(self) -> tuple[str, ...]:
        """Choices of a menu; empty for other types."""
        return MENUS.get(self.kind, ())

    @property
    def native(self) -> ca.ChannelType:
        """Type over Channel Access."""
        return ca.ChannelType.ENUM if self.choices else WIRE[self.kind]

    def read(self, text: str) -> float | int | str:
        """Read a value as it stands in a .db file; raises ValueError."""
        if self.choices:
            return self.choices.index(text) if text in self.choices else int(text or 0)
        if self.native is ca.ChannelType.STRING:
            return text
        text = text.strip() or "0"
        if text.lower().lstrip("+-").startswith("0x"):
            return int(text, 16)
        if self.kind in ("DOUBLE", "FLOAT"):
            return float(text)
        return int(text) if text.lstrip("+-").isdigit() else whole(float(text))


def whole(value: float) -> int:
    """Return a whole number that was written as a float, 1e3 or 9007199254740992.0; raises ValueError."""
    if value != int(value):
        raise ValueError(f"{value} is not a whole number")
    return int(value)


@cache
def fields(rtype: str) -> dict[str, Field]:
    """Give the fields of a record type by name."""
    found = {}
    for word in f"{_COMMON} {_RECORDS[rtype]}".split():
        name, _, rest = word.partition(":")
        kind, _, default = rest.partition("=")
        state = name in ("ZNAM", "ONAM") or (name[2:] == "ST" and name[:2] in STATES)
        found[name] = Field(kind, default, 26 if state else 1024 if kind == "LINK" else _SIZES.get(name, 40))
    return found
