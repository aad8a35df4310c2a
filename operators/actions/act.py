"""Act: alerts, schedules and people's words become actions, each with a life, for one model.

What is decided depends on event time alone: a moment is gone through once every clock (predictions, labels, control
topic) has passed it, with all that happened until then in the order of its time. Between what happens, moments matter
at which something changes of itself: the schedule comes, an alert has stood for long enough, a cooldown or a deadline
is over. They are gone through at their own time, so it does not matter which ticks there are.
"""

from __future__ import annotations

import bisect
from dataclasses import replace
from typing import TYPE_CHECKING

from operators.actions.canary import outcome_of
from operators.actions.deadlines import close_late, deadlines, faults
from operators.actions.event import BlockReason, Trigger, action_id
from operators.actions.guards import Block, guard, training_data
from operators.actions.hearing import hear, heed, take_versions
from operators.actions.inputs import AlertTick, ControlTick
from operators.actions.need import Need, keys_of
from operators.actions.schedule import month_of, next_time
from operators.actions.state import MAX_PAST, Action, Counts, Decided, event_of
from operators.actions.triggers import key_of, waits, wanted
from operators.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operators.actions.event import ActionEvent
    from operators.actions.forecast_state import NeedRow
    from operators.actions.inputs import ActInput
    from operators.actions.state import ActState, Plan
    from operators.actions.triggers import Want

RANK_CONTROL, RANK_FACT, RANK_VERSIONS, RANK_LABELS, RANK_CANARY, RANK_NEED = range(6)
"""In which order what happens at one moment is taken."""


class Act:
    """The actions of one model."""

    def __init__(self, plan: Plan, state: ActState) -> None:
        """Continue from `state`."""
        self.plan = plan
        self.state = state
        self._waits = waits(plan)
        self._need = None if plan.need is None else Need(plan.need, state.need, plan.model)
        # What was told last; only saves work: forgetting it changes no result.
        self._versions: tuple[tuple[str, int], ...] | None = None

    def __call__(self, items: Iterable[ActInput]) -> list[ActionEvent | Decided | NeedRow]:
        """Take ticks and words in the order of each source; give what is decided by them."""
        out: list[ActionEvent | Decided | NeedRow] = []
        for item in items:
            self._take(item)
            out += self._go_to(self._clock())
        return out

    def finish(self) -> list[ActionEvent | Decided | NeedRow]:
        """Decide what is left when nothing will ever follow."""
        state = self.state
        times = [*state.clocks.values(), *(time for time, *_ in state.queue)]
        if state.now is None and times and not state.beats:  # nothing was ever predicted
            self._begin(min(times))
        return self._go_to(max(times, default=None))

    def _take(self, item: ActInput) -> None:
        if isinstance(item, ControlTick):
            self._take_control(item)
        else:
            self._take_tick(item)

    def _take_control(self, item: ControlTick) -> None:
        for at, control in item.said:
            end = at // self.plan.pane * self.plan.pane + self.plan.pane
            self._enqueue(end, RANK_CONTROL, control.id, control)
        item.progress.tell(self.state.control)

    def _take_tick(self, tick: AlertTick) -> None:
        state = self.state
        for fact in tick.facts:
            self._enqueue(fact.at, RANK_FACT, f"{fact.fingerprint}{fact.id}", fact)
        if tick.versions is not None and tick.versions != self._versions:
            self._versions = tick.versions
            self._enqueue(tick.end, RANK_VERSIONS, tick.source, dict(tick.versions))
        retrain = self.plan.retrain
        if tick.coverage is not None and retrain is not None and retrain.min_coverage > 0:
            self._enqueue(tick.end, RANK_LABELS, tick.source, tick.coverage >= retrain.min_coverage)
        if tick.canary is not None:
            self._enqueue(tick.end, RANK_CANARY, tick.canary.key, tick.canary)
        if tick.need is not None and self._need is not None:
            self._enqueue(tick.end, RANK_NEED, tick.source, tick.need)
        state.clocks[tick.source] = tick.end
        if tick.ended:
            state.ended.add(tick.source)
        if tick.source == Source.PREDICTIONS:
            state.beats.append(tick.end)

    def _enqueue(self, at: int, rank: int, order: str, what: object) -> None:
        """Keep it for its moment; what is said of one that is gone counts for the next."""
        now = self.state.now
        time = at if now is None else max(at, now + self.plan.pane)
        bisect.insort(self.state.queue, (time, rank, order, what), key=lambda one: one[:3])

    def _clock(self) -> int | None:
        """The moment that all sources have passed; None while one of them is unknown."""
        state = self.state
        awaited = [source for source in self.plan.sources if source not in state.ended]
        if any(source not in state.clocks for source in awaited):
            return None
        marks = [state.clocks[source] for source in awaited]
        if self.plan.controlled:
            mark = state.control.watermark()
            if mark is None:
                return None
            marks.append(mark * self.plan.pane)
        return min(marks, default=None)

    def _go_to(self, until: int | None) -> list[ActionEvent | Decided | NeedRow]:
        state = self.state
        out: list[ActionEvent | Decided | NeedRow] = []
        if until is None:
            return out
        if state.now is None and state.beats:
            self._begin(state.beats[0])
        if state.now is None or until <= state.now:
            return out
        while (moment := self._next(until)) is not None:
            out += self._moment(moment)
        state.now = until
        return out

    def _begin(self, first: int) -> None:
        """Time begins a moment before the first tick of predictions, however far other clocks are by then.

        What is known of earlier moments is taken at the first one, as what comes too late is.
        """
        state = self.state
        state.now = first - self.plan.pane
        state.queue = sorted(((max(one[0], first), *one[1:]) for one in state.queue), key=lambda one: one[:3])
        retrain = self.plan.retrain
        if retrain is not None and retrain.schedule is not None:
            state.upcoming = next_time(retrain.schedule.cron, retrain.schedule.timezone, state.now)

    def _next(self, until: int) -> int | None:
        """The next moment at which anything happens, or that a tick of predictions ends at."""
        state = self.state
        now = -1 if state.now is None else state.now
        times = [time for time, *_ in state.queue[:1]]
        times += [state.beats[0]] if state.beats else []
        times += [self.plan.ceil(time) for time in self._timers()]
        return min((time for time in times if now < time <= until), default=None)

    def _timers(self) -> Iterator[int]:
        """When something changes of itself."""
        state = self.state
        yield from (time for time in (state.upcoming, state.quiet_at) if time is not None)
        yield from deadlines(state)
        yield from (again for again in state.refused.values() if again is not None)
        if self.plan.need is not None:
            yield from (since + self.plan.need.lasts for since in state.need.since.values())
        for standing in state.alerts.values():
            for name, since in standing.since.items():
                yield since + self._waits.get(name, 0)

    def _moment(self, now: int) -> list[ActionEvent | Decided | NeedRow]:
        state, plan = self.state, self.plan
        state.now = now
        out: list[ActionEvent | Decided | NeedRow] = []
        is_beat = False
        while state.beats and state.beats[0] <= now:
            state.beats.popleft()
            is_beat = True
        while state.queue and state.queue[0][0] <= now:
            _, rank, _, what = state.queue.pop(0)
            out += self._happens(rank, what, now)
        self._tick_schedule(now)
        out += close_late(plan, state, now)
        for want in wanted(plan, state, now):
            out += self._decide(want, now)
        state.manual.clear()
        self._tidy()
        found = faults(plan, state, now)
        told = frozenset(f"{one} {finding.alert}" for one, finding in found)
        if told != state.told:
            state.told, state.quiet_at = told, now + plan.resolve_after
        elif state.quiet_at is not None and state.quiet_at <= now:
            state.quiet_at = None
        elif not is_beat:
            return out
        need = None if self._need is None else self._need.told()
        decided = Decided(plan.model, now, found, self._open(), self._next_retrain(), _copy(state), state.canary, need)
        return [*out, decided]

    def _happens(self, rank: int, what: object, now: int) -> Iterable[ActionEvent | NeedRow]:
        if rank == RANK_CONTROL:
            return heed(self.plan, self.state, what, now)  # type: ignore[arg-type]
        if rank == RANK_FACT:
            hear(self.plan, self.state, what)  # type: ignore[arg-type]
        elif rank == RANK_VERSIONS:
            return take_versions(self.plan, self.state, what, now)  # type: ignore[arg-type]
        elif rank == RANK_CANARY:
            self.state.canary = what  # type: ignore[assignment]
        elif rank == RANK_NEED:
            if self._need is not None:
                facts = [self.state.alerts[name].fact for name in sorted(self.state.alerts)]
                return self._need.take(what, now, facts)  # type: ignore[arg-type]
        else:
            self.state.enough_labels = bool(what)
        return ()

    def _tick_schedule(self, now: int) -> None:
        state, retrain = self.state, self.plan.retrain
        if retrain is None or retrain.schedule is None:
            state.due = state.upcoming = None
            return
        while state.upcoming is not None and state.upcoming <= now:
            state.due = state.upcoming
            state.upcoming = next_time(retrain.schedule.cron, retrain.schedule.timezone, state.due)
            state.refused = {key: again for key, again in state.refused.items() if key[1] != str(state.due)}

    def _decide(self, want: Want, now: int) -> Iterator[ActionEvent]:
        if (want.action, want.key) in self.state.used:
            return
        block = guard(self.plan, self.state, want, now)
        if block is None:
            yield self._open_one(want, now)
            return
        yield from self._refuse(want, block, now)
        if block.reason == BlockReason.NOT_CURED:
            words = f"A retraining did not clear it, so somebody has to look. {want.reason}"
            yield from self._decide(_review(want, words), now)

    def _open_one(self, want: Want, now: int) -> ActionEvent:
        state = self.state
        action = self._action(want, now)
        for key in {want.key, *map(key_of, want.causes)}:
            state.used[want.action, key] = None
        if want.key == str(state.due):
            state.due = None
        state.failed.pop(want.action, None)
        if want.trigger == Trigger.CANARY:
            state.judged[want.key] = None
            action.outcome = outcome_of(state.canary)
        if want.approval:
            action.state = "awaiting_approval"
        state.counts.add(state.counts.steps, (want.action, action.state))
        if want.action == "retrain":
            self._count_retrain(want, now)
        if want.action == "fallback":
            for standing in want.causes:
                standing.spoils = standing.spoils or f"the fallback for {standing.fact.alert}"
        if self.plan.dry_run:
            action.closed_at = now
            state.past.append(action)
        else:
            state.actions[action.id] = action
        return event_of(self.plan, action, now)

    def _action(self, want: Want, now: int) -> Action:
        retrain = self.plan.retrain
        trains = want.action == "retrain" and retrain is not None
        return Action(
            id=action_id(self.plan.model, want.action, want.key, dry_run=self.plan.dry_run),
            action=want.action,
            trigger=want.trigger,
            version=want.version,
            target=want.target or (self._target(want) if want.action == "rollback" else None),
            cause=want.causes[0].first if want.causes else None,
            causes=tuple(standing.first for standing in want.causes),
            themes=want.themes,
            reason=want.reason,
            requested_at=now,
            complete_by=now + want.complete_within,
            via=want.via,
            data=training_data(self.plan, self.state, retrain, now) if trains and retrain is not None else None,
            probability=want.probability,
        )

    def _target(self, want: Want) -> str | None:
        """The version to go back to: the newest older one without an alert that was not itself rolled back."""
        state = self.state
        first = state.versions.get(want.version)
        if first is None:
            return None
        bad = {one.fact.version for one in state.alerts.values()}
        bad |= {past.version for past in state.past if past.action == "rollback"}
        older = [name for name, at in state.versions.items() if at < first and name not in bad]
        return max(older, key=lambda name: (state.versions[name], name), default=None)

    def _refuse(self, want: Want, block: Block, now: int) -> Iterator[ActionEvent]:
        """Tell it once for each cause and reason."""
        state, key = self.state, (want.action, want.key, str(block.reason))
        told = key in state.refused
        state.refused[key] = block.again_at
        if told:
            return
        state.counts.add(state.counts.blocked, str(block.reason))
        action = self._action(want, now)
        yield event_of(
            self.plan, action, now, block_reason=block.reason, reason=f"Not now, for {block.words}. {want.reason}"
        )

    def _count_retrain(self, want: Want, now: int) -> None:
        counts, retrain = self.state.counts, self.plan.retrain
        schedule = None if retrain is None else retrain.schedule
        month = month_of("UTC" if schedule is None else schedule.timezone, now)
        if month != counts.month:
            counts.month, counts.in_month = month, {}
        counts.add(counts.in_month, str(want.trigger))

    def _tidy(self) -> None:
        """Forget what belongs to causes that are over, and the oldest of what is over itself."""
        state = self.state
        alive = {key_of(one) for one in state.alerts.values()}
        alive |= {str(time) for time in (state.due,) if time is not None}
        alive |= {one.key for one in (state.canary,) if one is not None}
        alive |= set(keys_of(state.need))
        for old in list(state.judged)[:-MAX_PAST]:
            del state.judged[old]
        state.used = {key: None for key in state.used if key[1] in alive}
        state.refused = {key: again for key, again in state.refused.items() if key[1] in alive}
        del state.past[:-MAX_PAST]

    def _open(self) -> tuple[str, ...]:
        return tuple(sorted(action.action for action in self.state.actions.values()))

    def _next_retrain(self) -> int | None:
        return self.state.due if self.state.due is not None else self.state.upcoming


def _review(want: Want, reason: str) -> Want:
    return replace(want, action="review", cooldown=0, approval=False, via=(), reason=reason)


def _copy(state: ActState) -> Counts:
    counts = state.counts
    return Counts(
        dict(counts.steps),
        dict(counts.blocked),
        dict(counts.control),
        counts.month,
        dict(counts.in_month),
        counts.last_retrain,
    )
