"""Record types and fields that the faces honour, as tables; anything else is refused, never ignored.

`docs/reference/records.md` is written from these tables (`page`), and a test keeps the two equal. Field names
and menus are EPICS base's (Record Reference Manual).
"""

STATES = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV", "EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF")
"""Prefixes of the sixteen states of mbbi and mbbo."""

COMMON = {
    "DESC": "description, at most 40 bytes",
    "ASG": "access security group, see access.acf",
    "SCAN": "only Passive or I/O Intr: values come when the instrument sends them",
    "DTYP": "only Soft Channel",
    "PINI": "only NO",
}
_UNIT = {"EGU": "unit, at most 15 bytes; must be the attribute's, nothing is converted"}
_PRECISION = {"PREC": "digits after the point"}
_DISPLAY = {"HOPR": "upper end of displays", "LOPR": "lower end of displays"}
_DRIVE = {"DRVH": "largest value that a client may write", "DRVL": "smallest value that a client may write"}
_ALARM = {
    "HIHI": "limit of the upper serious alarm",
    "HIGH": "limit of the upper alarm",
    "LOW": "limit of the lower alarm",
    "LOLO": "limit of the lower serious alarm",
    "HHSV": "severity at HIHI",
    "HSV": "severity at HIGH",
    "LSV": "severity at LOW",
    "LLSV": "severity at LOLO",
    "HYST": "how far a value must come back before an alarm ends",
}
_NUMBER = _UNIT | _DISPLAY | _ALARM
_TWO = {"ZNAM": "text of 0", "ONAM": "text of 1", "ZSV": "severity of 0", "OSV": "severity of 1"}
_MANY = (
    {f"{s}ST": "text of a state, at most 25 bytes" for s in STATES}
    | {f"{s}SV": "severity of a state" for s in STATES}
    | {"UNSV": "severity of a state without a text"}
)
_LONG = {"SIZV": "bytes of the longest text, with its end"}

RECORDS: dict[str, dict[str, str]] = {
    "ai": _NUMBER | _PRECISION,
    "ao": _NUMBER | _PRECISION | _DRIVE,
    "longin": _NUMBER,
    "longout": _NUMBER | _DRIVE,
    "int64in": _NUMBER,
    "int64out": _NUMBER | _DRIVE,
    "bi": _TWO,
    "bo": _TWO,
    "mbbi": _MANY,
    "mbbo": _MANY,
    "stringin": {},
    "stringout": {},
    "lsi": _LONG,
    "lso": _LONG,
    "motor": _UNIT | _PRECISION,
    "waveform": _UNIT | _PRECISION | _DISPLAY | {"FTVL": "type of an element", "NELM": "number of elements"},
}
"""Record type -> fields beyond COMMON, each with what it does."""

OUTPUTS = frozenset(("ao", "longout", "int64out", "bo", "mbbo", "stringout", "lso", "motor"))
"""Types that set; a waveform sets when its attribute is writable and its name does not end in _RBV."""

FITS: dict[str, tuple[str, ...]] = {
    "bool": ("bi", "bo"),
    "int": ("int64in", "int64out", "longin", "longout", "ai", "ao"),
    "float": ("ai", "ao", "motor"),
    "enum": ("mbbi", "mbbo", "bi", "bo", "lsi", "lso", "stringin", "stringout"),
    "str": ("lsi", "lso", "stringin", "stringout"),
    "array": ("waveform",),
}
"""dtype of an attribute -> record types that can show it."""

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "bool": ("longout",),
    "int": ("longout", "int64out", "ao"),
    "float": ("ao",),
    "enum": ("lso", "stringout"),
    "str": ("lso", "stringout"),
}
"""dtype of a command's only argument -> record types that can give it; a command without one is a bo."""

ELEMENTS = {
    "i1": "CHAR",
    "u1": "UCHAR",
    "i2": "SHORT",
    "u2": "USHORT",
    "i4": "LONG",
    "u4": "ULONG",
    "i8": "INT64",
    "u8": "UINT64",
    "f4": "FLOAT",
    "f8": "DOUBLE",
}
"""numpy type of an array (without byte order) -> FTVL."""

SEVERITIES = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")
"""menu(menuAlarmSevr) in the order of its values."""

PROCESSING = frozenset(
    (
        "calc",
        "calcout",
        "sub",
        "aSub",
        "sel",
        "seq",
        "fanout",
        "dfanout",
        "compress",
        "histogram",
        "event",
        "permissive",
        "state",
        "subArray",
        "scaler",
        "transform",
        "swait",
        "sscan",
        "busy",
    )
)
"""Record types that need processing: only an IOC has it."""

LINKS = frozenset(
    ("INP", "OUT", "FLNK", "DOL", "OMSL", "SDIS", "TSEL", "SIOL", "SIML", "LNK1", "CALC", "EVNT")
)
"""Fields that make records process one another."""


def page() -> str:
    """Give docs/reference/records.md."""
    lines = [
        "# Records and fields",
        "",
        "What the faces honour in a `.db` file. Anything else is refused by `hitline db check` and",
        "`hitline up`, with file and line: an ignored field would be a lie. What needs processing (calc,",
        "links, periodic SCAN) belongs in an IOC of your own, which reads our PVs like any other client.",
        "",
        "Written from `db/supported.py` by `hitline db generate`.",
        "",
        "## Fields of every record",
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| {name} | {meaning} |" for name, meaning in COMMON.items()),
        "",
        '`info(hitline, "INSTRUMENT ATTRIBUTE")` binds a record to an attribute,',
        '`info(hitline, "INSTRUMENT COMMAND()")` to a command.',
        "",
        "## Record types",
    ]
    for rtype, fields in RECORDS.items():
        shows = [dtype for dtype, types in FITS.items() if rtype in types]
        calls = [dtype for dtype, types in ARGUMENTS.items() if rtype in types]
        use = f"Attributes: {', '.join(shows)}."
        if rtype == "bo":
            use += " Commands without an argument."
        elif calls:
            use += f" Commands with an argument of type {', '.join(calls)}."
        lines += ["", f"### {rtype}", "", use]
        if fields:
            lines += ["", "| field | meaning |", "|---|---|"]
            lines += [f"| {name} | {meaning} |" for name, meaning in _short(fields).items()]
    return "\n".join(lines) + "\n"


def _short(fields: dict[str, str]) -> dict[str, str]:
    """Fold the sixteen states into one row each."""
    if "ZRST" not in fields:
        return fields
    return {"ZRST ... FFST": fields["ZRST"], "ZRSV ... FFSV": fields["ZRSV"], "UNSV": fields["UNSV"]}
