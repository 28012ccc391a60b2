"""How an exposure ended, and by whom: in END, in what is shown, for all who use its hits."""

from dataclasses import dataclass, field
from typing import Any

from hitline.bus.attribute import Severity
from hitline.bus.instrument import Instrument
from hitline.bus.log.block import Condition

ENDS = ("None", "Going", "Whole", "Stopped", "Interrupted", "Aborted", "Failed")
"""As the attribute shows them; in END in lower case."""
SEVERITIES = (0, 0, 0, 0, 2, 2, 2)
CONDITIONS = {
    "Interrupted": Condition.INTERRUPTED,
    "Aborted": Condition.ABORTED,
    "Failed": Condition.INTERRUPTED,
}
"""What such an end makes of the condition of the exposure. One that was stopped is short, and right."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One of ENDS, and who or what brought it about before its time."""

    how: str = "Whole"
    by: str = ""

    def __str__(self) -> str:
        return f"{self.how.lower()}: {self.by}" if self.by else self.how.lower()

    @property
    def condition(self) -> Condition:
        """Condition of an exposure that ended so, if nothing else is wrong with it."""
        return CONDITIONS.get(self.how, Condition.GOOD)


WHOLE = Ending()

LOST = "hits were lost"
LOSS_UNKNOWN = "whether hits were lost is not known"
DROPPED = "words were dropped in front of the disk"
REPEATED = "a write to the disk failed, and was repeated elsewhere"


@dataclass(frozen=True, slots=True)
class Shot:
    """What became of one exposure."""

    ending: Ending = WHOLE
    flaws: dict[str, Condition] = field(default_factory=dict)
    """What makes it less than GOOD, by the reason."""

    @property
    def condition(self) -> Condition:
        """Of the exposure alone."""
        condition = self.ending.condition
        for flaw in self.flaws.values():
            condition |= flaw
        return condition

    def facts(self) -> dict[str, Any]:
        """Facts for its END mark."""
        failed = self.ending.how == "Failed"
        return {
            "ended": self.ending.how.lower(),
            "condition": self.condition.text,
            "error" if failed else "by": self.ending.by,
        }


NONE, GOING = Shot(Ending("None")), Shot(Ending("Going"))
"""Before the first exposure of a run, and while one goes on."""
DEAD = Shot(
    Ending("Interrupted", "the death of its readout"), {"its end is not in the log": Condition.INCOMPLETE}
)
"""What a readout that died in an exposure left."""


def judged(ending: Ending, flaws: dict[str, Condition], counts: dict[str, int | None], dropped: int) -> Shot:
    """Say how good an exposure is by what its readout, its counts and the words dropped in it tell."""
    lost = counts["hits_lost"]
    if lost != 0:
        flaws = {**flaws, LOST if lost else LOSS_UNKNOWN: Condition.INCOMPLETE}
    if dropped:
        flaws = {**flaws, DROPPED: Condition.INCOMPLETE}
    return Shot(ending, flaws)


def show_shot(instrument: Instrument, shot: Shot) -> None:
    """Publish how an exposure ended, and how good it is."""
    instrument.publish("exposure_ended_by", shot.ending.by)
    instrument.publish("exposure_end", shot.ending.how)
    severity = Severity.MINOR if shot.condition else Severity.OK
    text = "" if shot in (NONE, GOING) else shot.condition.text
    instrument.publish("exposure_condition", text, severity, "; ".join(shot.flaws))


def tell_end(instrument: Instrument, number: int, ending: Ending, failure: str) -> None:
    """Let go of all who wait for an exposure."""
    text = f"exposure {number} was {ending}"
    if failure or ending.condition:
        instrument.ended("acquiring", failure or text)
    else:
        instrument.ended("acquiring", cut="" if ending is WHOLE else text)
