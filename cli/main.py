"""The `hitline` command: finds the sub-commands in this folder, imports only the one that was asked for.

A sub-command is a module here with `HELP` (its first line is the summary, the rest teaches by example),
`arguments(parser)` and `run(args) -> exit code`. Errors become one line, never a traceback; HITLINE_LOG=DEBUG
shows where they came from.
"""

import argparse
import ast
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hitline.bus import crash
from hitline.bus.attribute import Refused

FOLDER = Path(__file__).parent

ABOUT = """\
Pixel-detector hits joined to a beamline's control system.

A station is described by one file; most commands take it from the option -s, from $HITLINE_STATION or from
./station.toml."""

EPILOG = """\
first steps:
  hitline demo --stay                   a whole station from recorded data, to play with
  hitline replay recording.tpx3         watch a file of your own as process variables
  hitline up station.toml               start the station of that file
  hitline status                        what is up, in which state
  hitline COMMAND --help                what a command does, with an example
"""

EXPECTED = (Refused, OSError, ValueError, LookupError, RuntimeError, TimeoutError)
"""What a command raises when the fault is not its own: told in one line, with the text of the exception."""

log = logging.getLogger("hitline.cli")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 after an error, 2 for wrong usage, 130 after Ctrl-C."""
    crash.tell()
    logging.basicConfig(
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
        level=os.environ.get("HITLINE_LOG", "WARNING").upper(),
    )
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        parser = build(chosen=next((word for word in words if not word.startswith("-")), ""))
        args = parser.parse_args(words)
        return int(args.run(args) or 0)
    except SystemExit as leave:  # argparse, after --help or its own message
        return leave.code if isinstance(leave.code, int) else 1
    except KeyboardInterrupt:
        return _told("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone, as in `hitline watch det1 | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - or the interpreter complains at exit
        return 1
    except EXPECTED as error:
        log.debug("ended by", exc_info=error)
        return _told(_text(error), 1)


def commands() -> dict[str, str]:
    """Give {command: help text} of the modules in this folder, without importing any."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "HELP":
                found[path.stem.replace("_", "-")] = str(ast.literal_eval(node.value))
    return found


def build(chosen: str) -> argparse.ArgumentParser:
    """Make the parser with all commands by name, and with the arguments of the chosen one."""
    parser = argparse.ArgumentParser(
        prog="hitline", description=ABOUT, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=_version())
    parsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in commands().items():
        summary, _, teaching = text.strip().partition("\n")
        command = parsers.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=teaching.strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            module = importlib.import_module(f"hitline.cli.{name.replace('-', '_')}")
            module.arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _text(error: BaseException) -> str:
    """Return an exception's text in one line; KeyError and OSError say too little by themselves."""
    if isinstance(error, KeyError):
        return f"{error} is unknown"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _told(text: str, code: int) -> int:
    sys.stderr.write(f"hitline: error: {text}\n")
    return code


def _version() -> str:
    from importlib import metadata

    return f"hitline {metadata.version('hitline')}"


if __name__ == "__main__":
    sys.exit(main())
