"""Actions without a dataflow: a model's plan, ticks of its alerts, words of people, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operators.actions.act import Act
from operators.actions.event import ActionEvent
from operators.actions.inputs import AlertTick, Control, ControlTick, Fact
from operators.actions.plan import plan_of
from operators.actions.state import ActState, Decided
from operators.findings import Source
from operators.progress import Progress
from operators.settings.actions import ActionsSettings
from operators.settings.model import ModelSettings

if TYPE_CHECKING:
    from operators.actions.state import Plan

START = 1_790_000_000_000
"""Monday 2026-09-21, 14:13:20 UTC, in ms."""
PANE = 10_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def plan(mode: str = "live", *, labels: bool = False, controlled: bool = False, **settings: Any) -> Plan:
    """The plan of a model with these settings; without a schedule unless one is given."""
    if "retrain" in settings:
        settings["retrain"] = {"schedule": None, **settings["retrain"]}
    model = ModelSettings.model_validate({"name": "click", "task": "binary", **settings})
    actions = ActionsSettings.model_validate({"mode": mode})
    return plan_of(actions, model, PANE, 10 * MINUTE, labels=labels, controlled=controlled)


def fact(at: int, state: str = "firing", alert: str = "DataDrift", **changes: Any) -> Fact:
    """A change of an alert, so many ms after START; it began with it unless `started_at` says otherwise."""
    given = {
        "id": f"{alert}-{state}-{at}",
        "fingerprint": f"fp-{alert}{changes.get('segment', '')}{changes.get('version', '7')}",
        "level": 2,
        "version": "7",
        "segment": "",
        "features": ("price",),
        "metrics": ("psi",),
        "began": START + at - MINUTE,
        "started_at": at,
        "reason": f"{alert} it is.",
        **changes,
    }
    given["started_at"] += START
    return Fact(at=START + at, alert=alert, state=state, **given)


def control(kind: str, action: str, **changes: Any) -> Control:
    """A message of the control topic."""
    return Control(**{"id": f"{kind}-{action}", "kind": kind, "model": "click", "action": action, **changes})


@dataclass
class Player:
    """Plays ticks to the actions of a model, a pane at a time unless told otherwise; times are ms after START."""

    plan: Plan
    at: int = 0
    versions: dict[str, int] = field(default_factory=lambda: {"7": -DAY})

    def __post_init__(self) -> None:
        self.act = Act(self.plan, ActState())
        self.events: list[ActionEvent] = []
        self.decided: list[Decided] = []
        self.tick(0)

    def tick(self, at: int, *facts: Fact, source: Source = Source.PREDICTIONS) -> list[ActionEvent]:
        """One tick of a source; the events that it gave."""
        versions = tuple((name, START + first) for name, first in self.versions.items())
        told = AlertTick(source, START + at, facts, versions if source == Source.PREDICTIONS else None)
        return self.take(told)

    def take(self, item: AlertTick | ControlTick) -> list[ActionEvent]:
        """Take anything."""
        out = self.act([item])
        events = [one for one in out if isinstance(one, ActionEvent)]
        self.events += events
        self.decided += [one for one in out if isinstance(one, Decided)]
        return events

    def run(self, until: int, *facts: Fact, step: int = PANE) -> list[ActionEvent]:
        """Ticks up to a time, each with the facts of its time; the events that they gave."""
        due = {one.at - START: [] for one in facts}
        for one in facts:
            due[one.at - START].append(one)
        events = []
        ends = sorted({*range(self.at + step, until + 1, step), *(at for at in due if at <= until), until})
        for end in ends:
            events += self.tick(end, *due.get(end, ()))
        self.at = until
        return events

    def say(self, at: int, *said: Control, pane_floor: int | None = None) -> list[ActionEvent]:
        """Words of the control topic at a time, and its clock."""
        floor = (START + at) // PANE if pane_floor is None else pane_floor
        progress = Progress(0, 1, floor, None, ended=False)
        return self.take(ControlTick(progress, tuple((START + at, one) for one in said)))

    def steps(self) -> list[tuple[str, str]]:
        """(action, state) of every event; blocked ones with their reason."""
        return [(one.action, one.block_reason or one.state) for one in self.events]


def since(event: ActionEvent) -> int:
    """When an event was decided, ms after START."""
    return event.event_time - START
