"""What is kept of a model for its actions: alerts that stand, actions that are open or over, bad periods, clocks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from operators.actions.event import OVER, ActionEvent, ActionState, Result, event_id_of
from operators.actions.forecast_state import NeedState
from windows.watermark import PartitionClocks

if TYPE_CHECKING:
    from operators.actions.event import TrainingData
    from operators.actions.forecast_state import NeedPlan, NeedTold
    from operators.actions.inputs import CanaryReading, Control, Fact
    from operators.findings import Finding, Source
    from operators.settings.actions import CanarySettings, OnAlert, RetrainSettings
    from operators.settings.alerting import SeverityLevels

MAX_OPEN = 16
"""Actions of one model that may be open at a time."""
MAX_PAST = 64
"""Actions that are over and remembered."""
MAX_SPOILED = 200
"""Bad periods that are told apart; beyond it the two that are closest to each other become one."""
MAX_SEEN = 256
"""Control messages whose ids are remembered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for one model; times in ms.

    Attributes:
        model: its name.
        pane: the grid of decisions.
        dry_run: nothing is meant in earnest.
        sources: those whose ticks are waited for.
        controlled: whether there is a control topic, whose clock is waited for too.
        retrain: when to train anew; None for never.
        on: what alerts ask for.
        label_delay: how old predictions are when they can be trained on.
        resolve_after: how long what is wrong with actions must be over.
        severity: severities of alerts that differ from those of all models.
        labels: what alerts carry beside their own.
        canary: how new versions are judged beside those that they are to replace; None for not at all.
        need: what is forecast of its metric; None for nothing.
    """

    model: str
    pane: int
    dry_run: bool
    sources: frozenset[Source]
    controlled: bool
    retrain: RetrainSettings | None
    on: tuple[OnAlert, ...]
    label_delay: int = 0
    resolve_after: int = 600_000
    severity: dict[str, SeverityLevels] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    canary: CanarySettings | None = None
    need: NeedPlan | None = None

    def ceil(self, at: int) -> int:
        """The first moment of the grid at or after a time."""
        return -(-at // self.pane) * self.pane


@dataclass(slots=True)
class Standing:
    """An alert that fires: its latest change, the event that began it, and since when each rule has its condition met.

    `spoils`: what is predicted meanwhile is not to be trained on, and why.
    """

    fact: Fact
    first: str
    since: dict[str, int] = field(default_factory=dict)
    spoils: str = ""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A period (ms) of bad data that is over."""

    since: int
    until: int
    why: str


@dataclass(slots=True)
class Action:
    """An action from its request on.

    Attributes:
        themes: what is behind it, whatever the version: alert, segment and feature or metric of each cause.
        probability: of need, where that asked for it.
    """

    id: str
    action: str
    trigger: str
    version: str
    target: str | None
    cause: str | None
    causes: tuple[str, ...]
    themes: frozenset[str]
    reason: str
    requested_at: int
    complete_by: int
    via: tuple[str, ...]
    data: TrainingData | None
    state: ActionState = "requested"
    sequence: int = 0
    closed_at: int = -1
    approved_by: str | None = None
    outcome: Result | None = None
    probability: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self.state in OVER


@dataclass(slots=True)
class Counts:
    """Counted since the beginning, exactly once; retrainings also by trigger over one calendar month."""

    steps: dict[tuple[str, str], int] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    control: dict[tuple[str, str], int] = field(default_factory=dict)
    month: tuple[int, int] = (0, 0)
    in_month: dict[str, int] = field(default_factory=dict)
    last_retrain: int = -1

    def add(self, of: dict[Any, int], key: Any) -> None:
        """One more."""
        of[key] = of.get(key, 0) + 1


@dataclass(slots=True)
class ActState:
    """One model.

    Attributes:
        clocks: source -> how far it has come, ms.
        control: clocks of the control topic, in panes.
        ended: sources of which nothing will ever follow.
        queue: (time, rank, text to order by, what) of what is known and not decided on yet.
        beats: ends of ticks of predictions that are not passed yet.
        now: up to which moment all is decided; None before the first.
        alerts: by fingerprint.
        spoiled: bad periods that are over.
        actions: open ones by id.
        past: those that are over, the oldest first.
        used: (action, key) of what was asked for already, while its cause stands.
        refused: (action, key, reason) of what was told to be refused, while the cause stands -> when to ask again.
        due: the time of the schedule that is to be met now.
        upcoming: its next time.
        versions: version -> when it was first seen.
        enough_labels: whether coverage suffices.
        manual: requests of people that are not decided on yet.
        seen: ids of control messages.
        failed: actions that failed last, by name.
        told: what was wrong with actions at the last look; `quiet_at` is when to look again.
        canary: the latest reading of a new version beside its champion; None where none is waiting to be acted on.
        judged: pairs of versions that an action was asked for, the oldest first.
        need: of the forecast of its metric.
    """

    version: ClassVar[int] = 1
    clocks: dict[Source, int] = field(default_factory=dict)
    control: PartitionClocks = field(default_factory=PartitionClocks)
    ended: set[Source] = field(default_factory=set)
    queue: list[tuple[int, int, str, Any]] = field(default_factory=list)
    beats: deque[int] = field(default_factory=deque)
    now: int | None = None
    alerts: dict[str, Standing] = field(default_factory=dict)
    spoiled: list[Spoiled] = field(default_factory=list)
    actions: dict[str, Action] = field(default_factory=dict)
    past: list[Action] = field(default_factory=list)
    used: dict[tuple[str, str], None] = field(default_factory=dict)
    refused: dict[tuple[str, str, str], int | None] = field(default_factory=dict)
    due: int | None = None
    upcoming: int | None = None
    versions: dict[str, int] = field(default_factory=dict)
    enough_labels: bool = True
    manual: list[Control] = field(default_factory=list)
    seen: dict[str, None] = field(default_factory=dict)
    failed: dict[str, Action] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    quiet_at: int | None = None
    counts: Counts = field(default_factory=Counts)
    canary: CanaryReading | None = None
    judged: dict[str, None] = field(default_factory=dict)
    need: NeedState = field(default_factory=NeedState)

    @property
    def current(self) -> str:
        """The version that was seen first last: the newest; "" where none is known."""
        return max(self.versions, key=lambda name: (self.versions[name], name), default="")


@dataclass(frozen=True, slots=True)
class Decided:
    """That all is decided up to a moment, with what stands then.

    Attributes:
        model: its name.
        at: event time, ms.
        findings: what is wrong with its actions: (id of the action, finding).
        open: names of the actions that are open.
        next_retrain: when the schedule comes next; None for never.
        counts: so far.
        canary: the latest reading of a new version beside its champion; None before the first.
        need: the latest forecasts, and how good they are; None where nothing is forecast.
    """

    model: str
    at: int
    findings: tuple[tuple[str, Finding], ...]
    open: tuple[str, ...]
    next_retrain: int | None
    counts: Counts
    canary: CanaryReading | None = None
    need: NeedTold | None = None


def event_of(plan: Plan, action: Action, now: int, *, block_reason: str | None = None, reason: str = "") -> ActionEvent:
    """The event of an action's present state."""
    state: ActionState = "blocked" if block_reason else action.state
    return ActionEvent(
        id=action.id,
        event_id=event_id_of(action.id, state, action.sequence, block_reason or ""),
        action=action.action,
        state=state,
        sequence=action.sequence,
        model=plan.model,
        version=action.version,
        target_version=action.target,
        trigger=action.trigger,
        cause=action.cause,
        causes=action.causes,
        reason=reason or action.reason,
        block_reason=block_reason,
        requested_at=action.requested_at,
        complete_by=action.complete_by,
        event_time=now,
        emitted_at=None,
        dry_run=plan.dry_run,
        approved_by=action.approved_by,
        probability=action.probability,
        data=action.data,
        outcome=action.outcome,
        via=action.via,
    )
