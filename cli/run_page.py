"""What `hitline runs show` tells of one source of a run: its facts, its exposures, how each of them ended."""

from pathlib import Path
from typing import Any

from hitline.bus.log.block import BlockError, Kind, decode_facts
from hitline.bus.log.reader import open_run

from . import show


def about(folder: Path) -> dict[str, Any]:
    """Read all facts of a source of a run."""
    opened = open_run(folder)
    exposures = []
    for header, payload in opened:
        if header.kind == Kind.END:
            try:
                exposures.append({"exposure": header.exposure, **decode_facts(payload)})
            except BlockError as error:
                exposures.append({"exposure": header.exposure, "error": str(error)})
    if cut := (opened.totals or {}).get("unfinished_exposure"):
        exposures.append({"exposure": cut, "ended": "interrupted", "by": "the death of its readout"})
    return {
        "run": opened.logged.run,
        "source": opened.logged.source,
        "folder": str(folder),
        "facts": opened.facts,
        "totals": opened.totals,
        "exposures": exposures,
    }


def page(told: dict[str, Any]) -> None:
    """Print what `about` has found."""
    print(f"{told['run']}  {told['source']}  {told['folder']}")
    for title, facts in (("begun with", told["facts"]), ("ended with", told["totals"])):
        print(f"{title}:" if facts else f"{title}: nothing that can be read")
        for key, value in (facts or {}).items():
            print(f"  {key:20} {known(value)}")
    if exposures := told["exposures"]:
        names = sorted({key for exposure in exposures for key in exposure.get("counts") or {}})
        show.columns(
            [
                [
                    str(exposure["exposure"]),
                    *(known((exposure.get("counts") or {}).get(name)) for name in names),
                    exposure.get("condition", ""),
                    _ending(exposure),
                ]
                for exposure in exposures
            ],
            ("exposure", *names, "condition", "ended"),
        )


def _ending(end: dict[str, Any]) -> str:
    """How an exposure ended; logs of before 2026-12 say only whether it was stopped or failed."""
    how = end.get("ended") or ("failed" if "error" in end else "stopped" if end.get("stopped") else "")
    why = end.get("error") or end.get("by")
    return f"{how}: {why}" if why else how


def known(value: Any) -> str:
    """Text of a count; what is not known is not 0."""
    return "unknown" if value is None else str(value)
