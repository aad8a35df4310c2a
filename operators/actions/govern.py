"""Govern: what holds over all models: storms, and how many actions may be open at a time. One key for all.

What is limited is held until every model has passed its moment, so that it does not matter which model came first;
everything else (a fallback, a review) goes through at once. A retraining that an alert asks for settles first: what
makes a storm is not noticed by all models at the same moment, and the first must not be trained before the last is
heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgspec

from operators.actions.event import OVER, ActionEvent, BlockReason, Trigger, action_id, event_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.actions.state import Decided
    from operators.findings import Finding
    from operators.settings.actions import Storm

LIMITED = frozenset({"retrain", "rollback", "promote"})
"""Actions that are counted against the limit of what may be open: the others change nothing, or cannot wait."""

MINOR = frozenset({Trigger.SCHEDULED, Trigger.MANUAL})
"""Triggers that make no storm: calendars and people ask for many at once on purpose."""

EVERYBODY = "*"
"""Stands for the model of an action that is about all of them."""

NAMED = 10
"""Models that a review of a storm names; the number of all is told too."""


@dataclass(frozen=True, slots=True)
class GovernConfig:
    """All models that act, how many actions may be open, and what makes a storm."""

    models: frozenset[str]
    max_open: int
    storm: Storm | None


@dataclass(slots=True)
class GovernState:
    """What is held back, and what is known of all models.

    Attributes:
        clocks: model -> up to when it has decided, ms.
        held: events of limited actions that wait for all models to pass their moment, or that settle.
        waiting: actions that wait for others to be over, the oldest first.
        open: ids of actions that count as open.
        stormed: ids of actions that a storm swallowed -> when.
        wants: (moment, model) of retrainings that alerts asked for of late; those that are held too are settling.
        storm: (when it began, when it last grew), ms; None where there is none.
        blocked: (model, reason) -> how often it was this that blocked.
    """

    version: ClassVar[int] = 1
    clocks: dict[str, int] = field(default_factory=dict)
    held: list[ActionEvent] = field(default_factory=list)
    waiting: list[ActionEvent] = field(default_factory=list)
    open: dict[str, None] = field(default_factory=dict)
    stormed: dict[str, int] = field(default_factory=dict)
    wants: list[tuple[int, str]] = field(default_factory=list)
    storm: tuple[int, int] | None = None
    blocked: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Governed:
    """What a model has decided, without what is wrong with actions that a storm swallowed."""

    decided: Decided
    findings: tuple[Finding, ...]
    blocked: dict[tuple[str, str], int]


class Govern:
    """Holds the limits over all models."""

    def __init__(self, config: GovernConfig, state: GovernState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        self._settles = 0 if config.storm is None else config.storm.settles(len(config.models))

    def __call__(self, items: Iterable[ActionEvent | Decided]) -> list[ActionEvent | Governed]:
        """Take what models decided; give what may go out."""
        out: list[ActionEvent | Governed] = []
        for item in items:
            if isinstance(item, ActionEvent):
                out += self._event(item)
            else:
                self.state.clocks[item.model] = item.at
                out += self._settle(self._passed())
                out.append(self._governed(item))
        return out

    def finish(self) -> list[ActionEvent | Governed]:
        """Let go of what is held when nothing will ever follow."""
        last = max((event.event_time for event in self.state.held), default=0)
        return list(self._settle(last + self._settles))

    def _event(self, event: ActionEvent) -> list[ActionEvent]:
        if event.id in self.state.stormed:
            return []
        if event.action not in LIMITED:
            return [event]
        self.state.held.append(event)
        return []

    def _apply(self, event: ActionEvent) -> list[ActionEvent]:
        """Take an event of an action that is limited, in the order of all models."""
        state = self.state
        if event.id in state.stormed:
            return []
        if event.state in OVER:
            return self._over(event)
        if any(event.id == one.id for one in state.waiting):
            state.waiting = [event if event.id == one.id else one for one in state.waiting]
            return []
        return [event] if event.sequence or event.state == "blocked" else self._grant(event)

    def _over(self, event: ActionEvent) -> list[ActionEvent]:
        """Something ended; what waited may have its turn."""
        state = self.state
        state.open.pop(event.id, None)
        state.waiting = [one for one in state.waiting if one.id != event.id]
        state.held = [one for one in state.held if one.id != event.id or not self._is_settling(one)]
        return [event, *self._next_turns(event.event_time)]

    def _next_turns(self, now: int) -> list[ActionEvent]:
        state, out = self.state, []
        while state.waiting and len(state.open) < self.config.max_open:
            event = state.waiting.pop(0)
            state.open[event.id] = None
            out.append(msgspec.structs.replace(event, event_time=now))
        return out

    def _grant(self, event: ActionEvent) -> list[ActionEvent]:
        """Let an action out, unless as many are open as may be."""
        state = self.state
        if event.dry_run:
            return [event]
        if len(state.open) < self.config.max_open:
            state.open[event.id] = None
            return [event]
        state.waiting.append(event)
        words = f"Not yet, for {len(state.open)} actions are open: it waits for its turn. {event.reason}"
        return [self._blocked(event, BlockReason.MAX_OPEN, words)]

    def _passed(self) -> int | None:
        """Up to when all models have decided; None while one is unknown."""
        clocks = self.state.clocks
        if any(model not in clocks for model in self.config.models):
            return None
        return min(clocks[model] for model in self.config.models)

    def _settle(self, passed: int | None) -> list[ActionEvent]:
        """Judge what is held of moments that all have passed, moment after moment."""
        state = self.state
        out: list[ActionEvent] = []
        if passed is None:
            return out
        while (moment := min(map(self._due, state.held), default=passed + 1)) <= passed:
            events = [event for event in state.held if self._due(event) == moment]
            state.held = [event for event in state.held if self._due(event) != moment]
            out += self._judge(moment, sorted(events, key=lambda one: (one.model, one.id, one.sequence)))
        return out

    def _is_settling(self, event: ActionEvent) -> bool:
        """Whether a retraining was counted among those that alerts asked for, and is held back since."""
        return _is_alarmed(event) and (event.event_time, event.model) in self.state.wants

    def _due(self, event: ActionEvent) -> int:
        """The moment at which what is held is to be judged."""
        return event.event_time + self._settles if self._is_settling(event) else event.event_time

    def _judge(self, moment: int, events: list[ActionEvent]) -> list[ActionEvent]:
        """All that is limited of one moment: what ends makes room, then storms, then the rest in the order of names.

        An action that ends goes through all its steps of the moment, in their order: its end is never before them.
        """
        settled = [event for event in events if self._is_settling(event)]
        over = {event.id for event in events if event.state in OVER}
        ending = [event for event in events if event.id in over and event not in settled]
        short = {event.id for event in ending if not event.sequence}
        others = [event for event in events if event.id not in over and event not in settled]
        new = [event for event in others if not event.sequence and _is_alarmed(event)]
        settled = [event for event in settled if event.id not in over]
        # Those that begin in the same moment come behind those that make room.
        out = [one for event in sorted(ending, key=lambda one: one.id in short) for one in self._apply(event)]
        out += self._weather(moment, settled, new)
        return [*out, *(one for event in others if event not in new for one in self._apply(event))]

    def _weather(self, moment: int, settled: list[ActionEvent], new: list[ActionEvent]) -> list[ActionEvent]:
        """Retrainings that alerts ask for at one moment, and those that have settled by then: too many are a storm."""
        state, storm = self.state, self.config.storm
        if storm is None:
            return [one for event in new for one in self._apply(event)]
        models = self._count(moment, storm, new)
        if not new or (state.storm is None and len(models) < storm.models):
            return self._wait(moment, settled, new)
        held = [event for event in state.held if self._is_settling(event)]
        state.held = [event for event in state.held if event not in held]
        asked = sorted([*settled, *held, *new], key=lambda one: (one.event_time, one.model, one.id))
        out = [self._review(moment, asked[0], models)] if state.storm is None else []
        state.storm = (moment if state.storm is None else state.storm[0], moment)
        return [*out, *(self._swallow(moment, event, len(models)) for event in asked)]

    def _count(self, moment: int, storm: Storm, new: list[ActionEvent]) -> list[str]:
        """The models that want to be retrained of late."""
        state = self.state
        if state.storm is not None and state.storm[1] + storm.within < moment:
            state.storm = None
        if new:
            state.wants = [one for one in state.wants if one[0] > moment - storm.within]
            state.wants += [(moment, event.model) for event in new]
        return sorted({model for _, model in state.wants})

    def _wait(self, moment: int, settled: list[ActionEvent], new: list[ActionEvent]) -> list[ActionEvent]:
        """There is no storm: what has settled goes out, what is new settles."""
        out = [one for event in settled for one in self._grant(msgspec.structs.replace(event, event_time=moment))]
        if self._settles:
            self.state.held += new
            return out
        return [*out, *(one for event in new for one in self._apply(event))]

    def _review(self, moment: int, first: ActionEvent, models: list[str]) -> ActionEvent:
        """One review for all of a storm."""
        named = ", ".join(models[:NAMED]) + (f" and {len(models) - NAMED} more" if len(models) > NAMED else "")
        key = f"storm@{first.event_time}"
        number = action_id(EVERYBODY, "review", key, dry_run=first.dry_run)
        return msgspec.structs.replace(
            first,
            id=number,
            event_id=event_id_of(number, "requested", 0),
            action="review",
            state="requested",
            model=EVERYBODY,
            version="",
            event_time=moment,
            reason=f"{len(models)} models want to be trained anew at once, so something that they share has changed: "
            f"{named}. The first: {first.reason}",
            data=None,
            via=(),
        )

    def _swallow(self, moment: int, event: ActionEvent, models: int) -> ActionEvent:
        self.state.stormed[event.id] = moment
        while len(self.state.stormed) > 10_000:
            del self.state.stormed[next(iter(self.state.stormed))]
        words = f"Not now, for {models} models want the same at once: see the review. {event.reason}"
        return self._blocked(msgspec.structs.replace(event, event_time=moment), BlockReason.STORM, words)

    def _blocked(self, event: ActionEvent, why: BlockReason, words: str) -> ActionEvent:
        blocked = self.state.blocked
        blocked[event.model, str(why)] = blocked.get((event.model, str(why)), 0) + 1
        number = event_id_of(event.id, "blocked", event.sequence, why)
        return msgspec.structs.replace(event, event_id=number, state="blocked", block_reason=str(why), reason=words)

    def _governed(self, decided: Decided) -> Governed:
        findings = tuple(finding for one, finding in decided.findings if one not in self.state.stormed)
        mine = {key: count for key, count in self.state.blocked.items() if key[0] == decided.model}
        return Governed(decided, findings, mine)


def _is_alarmed(event: ActionEvent) -> bool:
    """Whether an alert asks for a retraining, which may be part of a storm."""
    asked = event.state in {"requested", "awaiting_approval"} and event.action == "retrain"
    return asked and event.trigger not in MINOR
