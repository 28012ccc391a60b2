"""When a process that died is started again: pure decisions, the clock is an argument.

A death right after a start counts as a failed attempt: each doubles the pause before the next, and after
`Policy.attempts` of them in a row the process is given up, because what cannot start needs a person.
A process that lived for `Policy.healthy_s` after it was ready starts again with a clean record.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """How patient a supervisor is."""

    first_s: float = 0.2
    """Pause before the first restart. Less: a crash loop eats a core; more: the gap in the service grows."""
    factor: float = 2.0
    longest_s: float = 5.0
    """Longest pause. Less: a dead device is knocked at too often; more: its return is noticed late."""
    attempts: int = 8
    """Restarts in a row before a process is given up."""
    healthy_s: float = 5.0
    """A process that was ready for this long has done its job, and is no failed attempt."""


@dataclass
class Record:
    """The history of one process; times are of one monotonic clock, in seconds."""

    policy: Policy = Policy()
    attempts: int = 0
    """Restarts since it was last healthy."""
    ready_at_s: float | None = None
    given_up: bool = False

    def ready(self, now_s: float) -> None:
        """Note that it is ready."""
        self.ready_at_s = now_s

    def died(self, now_s: float) -> float | None:
        """Note its death; return the pause before the next start, or None if it is given up."""
        if self.ready_at_s is not None and now_s - self.ready_at_s >= self.policy.healthy_s:
            self.attempts = 0
        self.ready_at_s = None
        if self.attempts >= self.policy.attempts:
            self.given_up = True
            return None
        pause_s = min(self.policy.first_s * self.policy.factor**self.attempts, self.policy.longest_s)
        self.attempts += 1
        return pause_s

    def pardon(self) -> None:
        """Forget the attempts: an operator asked for another start."""
        self.attempts = 0
        self.given_up = False
