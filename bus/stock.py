"""The commands that every Constellation satellite has: state machine, identity, configuration."""

from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from .attribute import Refused
from .constellation.cscp import Message
from .constellation.pack import stamp
from .serve import Handler, Result
from .states import State, next_state

if TYPE_CHECKING:
    from .satellite import Satellite

DOCS = {
    "get_name": "Return the canonical name.",
    "get_version": "Return the version of this program.",
    "get_cnstln_version": "Return the version of the Constellation implementation.",
    "get_commands": "List the commands.",
    "get_state": "Return the state.",
    "get_status": "Return the status text.",
    "get_role": "Return the role.",
    "get_config": "Return the configuration.",
    "get_run_id": "Return the run id.",
    "initialize": "Take a configuration.",
    "launch": "Prepare for a run.",
    "land": "Undo launch.",
    "reconfigure": "Change the configuration in ORBIT.",
    "start": "Begin a run.",
    "stop": "End the run.",
    "shutdown": "End this satellite.",
    "describe": "Return the tables of attributes and commands, and the versions of this layer.",
    "get": "Return an attribute, or all that are not arrays.",
    "set": "Set an attribute.",
    "_get_commands": "List the hidden commands.",
    "_interrupt": "Go to SAFE.",
    "_failure": "Go to ERROR.",
}
"""Verb -> what it does; those with an underscore are hidden from lists."""
ARGUMENTS = {
    "initialize": "config: dict",
    "reconfigure": "partial_config: dict",
    "start": "run_identifier: str",
    "set": "name: str, value: any",
    "get": "name: str",
}
RESERVED = set(DOCS)


def wire_name(state: State) -> str:
    """Return the name that stock programs know: transitional states are lower case there."""
    return state.name if state.steady else state.name.lower()


class Stock:
    """Serves them for one satellite."""

    def __init__(self, satellite: "Satellite") -> None:
        self.satellite, self.machine = satellite, satellite.machine

    def handlers(self) -> dict[str, Handler]:
        """Return verb -> handler."""
        satellite, machine = self.satellite, self.machine
        texts = {
            "get_name": lambda: satellite.canonical,
            "get_version": version,
            "get_cnstln_version": lambda: f"hitline {version()}",
            "get_status": lambda: machine.status,
            "get_run_id": lambda: machine.run_id,
        }
        table: dict[str, Handler] = {
            verb: lambda _, text=text: (text(), None, {})  # type: ignore[misc]
            for verb, text in texts.items()
        }
        table |= {
            "get_state": self._state,
            "get_role": self._role,
            "get_config": self._config,
            "get_commands": lambda _: self._commands(hidden=False),
            "_get_commands": lambda _: self._commands(hidden=True),
            "_interrupt": self._move,
            "_failure": self._failure,
            "shutdown": self._shutdown,
        }
        moves = ("initialize", "launch", "land", "reconfigure", "start", "stop")
        return table | dict.fromkeys(moves, self._move)

    async def _move(self, request: Message) -> Result:
        command = request.text.lower().removeprefix("_")
        await self.machine.request(command, request.payload)
        return "transitioning", command, {}

    def _failure(self, request: Message) -> Result:
        self.machine.fail("failure requested")
        return "transitioning", "failure", {}

    def _shutdown(self, request: Message) -> Result:
        if next_state("shutdown", self.machine.state) is None:
            raise Refused(
                "state",
                f"{self.satellite.canonical}: shutdown is not possible in "
                f"{self.machine.state.name}; stop and land first",
            )
        self.satellite.end_soon()
        return f"{self.satellite.canonical} shuts down", None, {}

    def _state(self, request: Message) -> Result:
        changed_ns = self.machine.changed_ns
        # Stock controllers read both tags without asking whether they are there.
        iso = datetime.fromtimestamp(changed_ns / 1e9, UTC).isoformat()
        return (
            wire_name(self.machine.state),
            int(self.machine.state),
            {"last_changed": stamp(changed_ns), "last_changed_iso": iso},
        )

    def _role(self, request: Message) -> Result:
        role = self.satellite.role
        return role.name, int(role.value), {}

    def _config(self, request: Message) -> Result:
        return "configuration", self.machine.config, {}

    def _commands(self, *, hidden: bool) -> Result:
        listed = {verb: (doc, ARGUMENTS.get(verb, "")) for verb, doc in DOCS.items()}
        for name, command in self.satellite.instrument.commands.items():
            args = ", ".join(f"{arg}: {kind}" for arg, kind in command.args)
            listed[self.satellite.requests.verbs[name]] = (command.doc, args)
        payload: dict[str, Any] = {
            verb: f"{doc}\nArguments: {args}." if args else f"{doc}\nNo arguments."
            for verb, (doc, args) in listed.items()
            if verb.startswith("_") is hidden
        }
        return f"{len(payload)} commands known", payload, {}


def version() -> str:
    """Return the version of the installed package, or 0 when it runs from a bare folder."""
    try:
        return metadata.version("hitline")
    except metadata.PackageNotFoundError:
        return "0"
