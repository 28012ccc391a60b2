"""The framework's own keys of a configuration: order among satellites (`_conditions`) and role (`_autonomy`).

As stock satellites do it: the one that waits asks nobody, it looks at the others' heartbeats. Keys:
`_conditions.require_<transition>_after` = list of canonical names, `_conditions.transition_timeout` in s
(default 30), `_autonomy.role`.
"""

import asyncio
from typing import Any

from .attribute import Refused
from .peer import Peer
from .states import Role, State

TRANSITIONS = (State.INITIALIZING, State.LAUNCHING, State.LANDING, State.STARTING, State.STOPPING)
TIMEOUT_S = 30.0


class Conditions:
    """What one satellite waits for, by the heartbeats that its node hears."""

    def __init__(self, canonical: str, node: Any) -> None:
        self.canonical, self.node = canonical, node
        self.after: dict[State, tuple[str, ...]] = {}
        self.timeout_s = TIMEOUT_S
        self.role: Role | None = None

    def prepare(self, config: dict[str, Any]) -> None:
        """Check and take the keys of a new configuration; Refused, and nothing taken, when one is wrong."""
        section, autonomy = (_section(config, key) for key in ("_conditions", "_autonomy"))
        after = {}
        for state in TRANSITIONS:
            key = f"require_{state.name.lower()}_after"
            names = section.get(key, [])
            if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise Refused("type", f"_conditions.{key} is not a list of names: {names!r}")
            for name in names:
                if name.lower() == self.canonical.lower():
                    raise Refused("type", f"_conditions.{key}: {name} cannot wait for itself")
                if self._peer(name) is None:
                    raise Refused("unknown", f"_conditions.{key}: {name} is not there; start it first")
            after[state] = tuple(names)
        timeout_s = section.get("transition_timeout", TIMEOUT_S)
        if not isinstance(timeout_s, int | float) or timeout_s < 0:
            raise Refused("type", f"_conditions.transition_timeout is not a number of seconds: {timeout_s!r}")
        role = autonomy.get("role")
        if role is not None and (not isinstance(role, str) or role.upper() not in Role.__members__):
            raise Refused("type", f"_autonomy.role {role!r} is none of {', '.join(Role.__members__)}")
        self.after, self.timeout_s = after, float(timeout_s)
        self.role = Role[role.upper()] if role else None

    async def wait(self, state: State) -> None:
        """Return when all named satellites are where `state` leads to; RuntimeError if one cannot be."""
        waiting = list(self.after.get(state, ()))
        try:
            async with asyncio.timeout(self.timeout_s):
                while waiting:
                    changed = self.node.changed
                    peer = self._peer(waiting[0])
                    if peer is None:
                        raise RuntimeError(f"{waiting[0]}, which comes first, is not there")
                    if peer.state is State.ERROR:
                        raise RuntimeError(f"{waiting[0]}, which comes first, is in ERROR")
                    if peer.state is state.goal:
                        del waiting[0]
                    else:
                        await changed.wait()
        except TimeoutError:
            raise RuntimeError(
                f"waited {self.timeout_s:g} s in vain for {waiting[0]}, which comes first"
            ) from None

    def _peer(self, name: str) -> Peer | None:
        for peer in self.node.peers.values():
            if peer.alive and peer.name.lower() == name.lower():
                return peer
        return None


def _section(config: dict[str, Any], key: str) -> dict[str, Any]:
    section = config.get(key, {})
    if not isinstance(section, dict):
        raise Refused("type", f"{key} is not a map: {section!r}")
    return section
