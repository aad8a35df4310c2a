"""Join: labels meet their predictions, whichever comes first, however often and in whatever order.

Keyed by shard. A prediction leaves a stub in the store; every word of feedback about it is kept in a history. What a
word changes is emitted as signed contributions to the cohort of the prediction, at the moment it became known in event
time. So what is known by a moment does not depend on the order of arrival.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from operators.intake.label_codes import KINDS
from operators.join import history, twice
from operators.join.answers import JoinedBatch, StoreAnswers
from operators.join.contributions import contributed
from operators.join.early import Early, note
from operators.join.state import Joined, ModelJoin
from operators.join.stub import StubCodec, times_of, times_of_all, with_known
from operators.records import Topic
from windows.watermark import joint_watermark

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from operators.join.contributions import Counted
    from operators.join.history import FeedbackHistory, FeedbackRecord
    from operators.join.split import Delivery, FeedbackBlock, StubBlock
    from operators.join.state import JoinState
    from operators.join.store import Bucket, JoinStore
    from operators.plans.join import JoinPlan
    from windows.watermark import PartitionClocks, Place

MAX_WAITING = 65_536
"""Predictions of a model that labels may wait for in one shard: feedback for further unknown ids is counted as
overflow."""

EXPIRED = -1

MAX_PENDING = 200_000
"""Stubs that are held back for the next snapshot at most."""

UNKNOWN, OVERFLOW, NOT_SAMPLED = "unknown", "overflow", "not_sampled"
"""Why feedback found no prediction: none came within `wait` (or it is older than `keep`), too many such ids at once,
or it is not in the sample."""


class Join:
    """Joins one shard."""

    def __init__(
        self, shard: str, plans: Mapping[str, JoinPlan], pane: int, store: JoinStore, state: JoinState
    ) -> None:
        """Continue from `state`, with the store as it was then."""
        self.shard = shard
        self.plans = plans
        self.codecs = {model: StubCodec(plan) for model, plan in plans.items()}
        self.pane = pane
        self.span = twice.span_of(pane)
        self.over: int | None = None
        self.store = store
        self.state = state
        self.early = {model: Early(plan, store) for model, plan in plans.items()}
        self.pending = 0

    def __call__(self, deliveries: list[Delivery]) -> list[tuple[str, Joined]]:
        """Take deliveries in the order of each partition; give what became known."""
        found: dict[str, JoinedBatch] = {}
        before = self.state.mark
        for delivery in deliveries:
            clocks = self.state.predictions if delivery.topic == Topic.PREDICTIONS else self.state.feedback
            floor = self._floor(clocks, delivery.progress.place)
            for stubs in delivery.stubs:
                passed = clocks.floors.get(delivery.progress.place, 0) * self.pane
                twice.see(self._model(stubs.model).minutes, self.span, stubs, passed)
                self._take_stubs(stubs, floor, found.setdefault(stubs.model, JoinedBatch()))
            for words in delivery.words:
                self._take_words(words, floor, found.setdefault(words.model, JoinedBatch()))
            delivery.progress.tell(clocks)
            self._advance()
        if self.pending > MAX_PENDING:
            self.commit()
        self._leave_minutes(found)
        models = self.plans.keys() if self.state.mark != before or self._ended() else found.keys()
        return [(model, self._joined(model, found.get(model))) for model in models]

    def _leave_minutes(self, seen: Collection[str]) -> None:
        """Count what came again in the minutes that no prediction can be of any more.

        Of every model when another minute is over; else only of those `seen`, of which no more is kept than may be.
        """
        clocks = self.state.predictions
        mark = None if clocks.all_ended else (clocks.watermark() or 0) * self.pane
        over = None if mark is None else mark // self.span
        models = seen if over is not None and over == self.over else self.state.models
        self.over = over
        for name in models:
            model = self._model(name)
            model.totals.repeated += twice.leave(model.minutes, self.span, mark)

    def commit(self) -> None:
        """Make the store durable up to here: called before the state is saved."""
        self.state.sequence += 1
        self.store.commit(self.state.sequence)
        self.pending = 0

    def _model(self, model: str) -> ModelJoin:
        return self.state.models.setdefault(model, ModelJoin())

    def _floor(self, clocks: PartitionClocks, partition: Place) -> int:
        """Start (ms) of the first pane that a record of this partition can become known in."""
        floors = [clocks.floors.get(partition, 0), self.state.mark or 0]
        return max(floors) * self.pane

    def _take_stubs(self, block: StubBlock, floor: int, found: JoinedBatch) -> None:
        plan, known = self.plans[block.model], np.maximum(block.known, floor)
        stubs = block.stubs
        later = np.flatnonzero(known > block.known).tolist()
        if later:
            stubs = list(stubs)
            for row in later:
                stubs[row] = with_known(stubs[row], int(known[row]))
        self._store_stubs(plan, block, stubs)
        model = self._model(block.model)
        self.early[block.model].come(block.keys, block.times, model.left, model.totals)
        waiting = model.waiting
        if not waiting.keys().isdisjoint(block.keys):
            awaited = [row for row, key in enumerate(block.keys) if key in waiting]
            self._meet(plan, [block.keys[row] for row in awaited], [stubs[row] for row in awaited], found)

    def _store_stubs(self, plan: JoinPlan, block: StubBlock, stubs: list[bytes]) -> None:
        """Store stubs in the buckets of their expiry; none that has expired: no label can find it any more."""
        expiries = block.times + plan.keep
        indices = np.where(expiries < (self.state.mark or 0) * self.pane, EXPIRED, expiries // plan.span)
        for index in np.unique(indices).tolist():
            if index == EXPIRED:
                continue
            rows = np.flatnonzero(indices == index)
            keys = block.keys
            if len(rows) < len(keys):
                picked = rows.tolist()
                keys, chosen = [keys[row] for row in picked], [stubs[row] for row in picked]
            else:
                chosen = stubs
            self.store.put_stubs((plan.span, index), keys, chosen)
            self.pending += len(keys)

    def _meet(self, plan: JoinPlan, keys: list[bytes], stubs: list[bytes], found: JoinedBatch) -> None:
        """Predictions came that labels have been waiting for."""
        model = self._model(plan.model)
        said = self.store.histories(keys, self._buckets(plan, min(times_of(stub)[0] for stub in stubs)))
        kept: dict[bytes, FeedbackHistory] = {}
        for key, stub, data in zip(keys, stubs, said, strict=True):
            before = history.decode(data)
            if key not in model.waiting or key in kept or before.stub is not None:
                continue
            times = times_of(stub)
            live = history.live_of(before.words, before.newest, times, plan)
            if live:
                self._match(plan, stub, times, [], live, found)
                self._met(model, key, len(live), len(before.words), 0)
                kept[key] = before._replace(stub=stub)
            elif before.words:
                note(model.totals, before.newest, times[0])
        self._keep(plan, kept)

    def _met(self, model: ModelJoin, key: bytes, live: int, known: int, new: int) -> None:
        """A prediction has met its first words: `live` of the `known` that came before, and `new` ones.

        What waits on is dead. Words that have been forgotten were revised by those that are known.
        """
        ended, waits = 0, model.waiting.get(key)
        if waits is not None:
            until, words = waits
            dead = max(0, min(known - live, words - live))
            ended = words - dead
            if dead:
                model.waiting[key] = until, dead
            else:
                del model.waiting[key]
        model.totals.waiting -= ended
        model.totals.matched += 1
        model.totals.revised += ended + new - 1

    def _leave(self, name: str, model: ModelJoin, keys: Sequence[bytes]) -> None:
        """No word waits for these predictions any more: all did in vain."""
        gone = {key: model.waiting.pop(key) for key in keys}
        words = sum(words for _, words in gone.values())
        model.totals.waiting -= words
        _count(model.totals.unmatched, UNKNOWN, words)
        if name in self.plans:
            wait = self.plans[name].wait
            self.early[name].leave({key: until - wait for key, (until, _) in gone.items()}, model.left, model.totals)

    def _take_words(self, block: FeedbackBlock, floor: int, found: JoinedBatch) -> None:
        plan, model = self.plans[block.model], self._model(block.model)
        keys, words = self._sampled(plan, block, model)
        words = [word if word.known >= floor else word._replace(known=floor) for word in words]
        if not keys:
            return
        known = [word.known for word in words]
        model.newest = max(model.newest, *known)
        buckets = self._buckets(plan, min(known))
        asked = StoreAnswers(keys, words, self.store.histories(keys, buckets), self.store.stubs(keys, buckets))
        for kind, count in Counter([word.kind for word in words]).items():
            _count(model.totals.feedback, KINDS[kind], count)
        for tick, count in Counter([at // plan.tick for at in known]).items():
            found.heard[tick] = found.heard.get(tick, 0) + count
        rest = self._take_first(plan, model, asked, found)
        if rest:
            self._take_any(plan, model, asked.only(rest), found)

    def _take_first(self, plan: JoinPlan, model: ModelJoin, asked: StoreAnswers, found: JoinedBatch) -> Sequence[int]:
        """Take what is by far the most: the first and only word about a stored prediction. Returns the other rows.

        It does for many what `_take_any` does one by one, at a third of the time.
        """
        keys, stubs = asked.keys, asked.stubs
        every = range(len(keys))
        once = Counter(keys)
        rows = (
            []
            if plan.negative_after is not None
            else [
                row
                for row, (key, known, stub) in enumerate(zip(keys, asked.said, stubs, strict=True))
                if stub is not None and known is None and once[key] == 1 and key not in model.waiting
            ]
        )
        if not rows:
            return every
        chosen = [stub for row in rows if (stub := stubs[row]) is not None]
        made, stored = times_of_all(chosen)
        known = np.array([asked.words[row].known for row in rows], dtype=np.int64)
        live = (known >= stored - plan.wait) & (known <= made + plan.keep)
        if not live.all():
            at = np.flatnonzero(live)
            rows, chosen = [rows[row] for row in at.tolist()], [chosen[row] for row in at.tolist()]
            known, stored = known[at], stored[at]
        if not rows:
            return every
        taken = [asked.words[row] for row in rows]
        since = np.maximum(known, stored)
        ticks = since // plan.tick
        found.add_first(chosen, ticks.tolist(), [history.state_of(word) for word in taken])
        for tick in np.unique(ticks).tolist():
            found.knew(tick, int(since[ticks == tick].max()))
        model.totals.matched += len(rows)
        indices = (known + (plan.wait + plan.keep)) // plan.span
        for index in np.unique(indices).tolist():
            same = np.flatnonzero(indices == index).tolist()
            encoded = [history.encode_first(taken[row], chosen[row]) for row in same]
            self.store.put_histories((plan.span, index), [keys[rows[row]] for row in same], encoded)
        return sorted(set(every).difference(rows))

    def _take_any(self, plan: JoinPlan, model: ModelJoin, asked: StoreAnswers, found: JoinedBatch) -> None:
        """Take words about any prediction, one by one."""
        said = dict(zip(asked.keys, asked.said, strict=True))
        kept: dict[bytes, FeedbackHistory] = {}
        for key, word, stored in zip(asked.keys, asked.words, asked.stubs, strict=True):
            before = kept[key] if key in kept else history.decode(said[key])
            met = before.stub
            stub = stored if met is None else met
            newest = max(word.known, before.newest)
            again = next((other for other in before.words if history.same(word, other)), None) if before.words else None
            if again is not None:
                model.totals.duplicates += 1
                if word.known < again.known or met is None:
                    kept[key] = self._repeated(plan, key, stub, before, word, again, found)
                continue
            times = None if stub is None else times_of(stub)
            after = history.extended(before.words, word) if before.words else [word]
            if stub is None or times is None or not history.live_of([word], newest, times, plan):
                if times is not None:
                    note(model.totals, word.at, times[0])
                if self._wait(plan, model, key, word):
                    kept[key] = history.FeedbackHistory(after, met, newest)
                continue
            kept[key] = history.FeedbackHistory(after, stub, newest)
            live = history.live_of(before.words, newest, times, plan)
            if met is not None:
                self._match(plan, stub, times, live, [*live, word], found)
                model.totals.revised += 1
            else:
                # What waited although its stub is there came before it, in a store that is ahead of its time.
                self._match(plan, stub, times, [], [*live, word], found)
                self._met(model, key, len(live), len(before.words), 1)
        self._keep(plan, kept)

    def _repeated(
        self,
        plan: JoinPlan,
        key: bytes,
        stub: bytes | None,
        before: FeedbackHistory,
        word: FeedbackRecord,
        again: FeedbackRecord,
        found: JoinedBatch,
    ) -> FeedbackHistory:
        """The same was said `again`, by way of another partition perhaps: it is known since the sooner of the two.

        And it waits for as long as the later one does. Otherwise it would matter which partition is read first.
        """
        model, newest = self._model(plan.model), max(word.known, before.newest)
        sooner = again if again.known <= word.known else word
        words = [sooner if other is again else other for other in before.words]
        if key in model.waiting:
            until, waiting = model.waiting[key]
            model.waiting[key] = max(until, newest + plan.wait), waiting
        met = before.stub
        if stub is not None:
            times = times_of(stub)
            was = [] if met is None else history.live_of(before.words, newest, times, plan)
            live = history.live_of(words, newest, times, plan)
            if live:
                self._match(plan, stub, times, was, live, found)
                at = max(sooner.known, times[1])
                found.knew(at // plan.tick, at)
            if live and met is None:
                self._met(model, key, len(live), len(words), 0)
                met = stub
        return history.FeedbackHistory(words, met, newest)

    def _sampled(
        self, plan: JoinPlan, block: FeedbackBlock, model: ModelJoin
    ) -> tuple[list[bytes], list[FeedbackRecord]]:
        if plan.sample >= 1:
            return block.keys, block.words
        chosen = [at for at, key in enumerate(block.keys) if int.from_bytes(key) < plan.threshold]
        for at in set(range(len(block.keys))).difference(chosen):
            _count(model.totals.feedback, KINDS[block.words[at].kind], 1)
            _count(model.totals.unmatched, NOT_SAMPLED, 1)
        return [block.keys[at] for at in chosen], [block.words[at] for at in chosen]

    def _keep(self, plan: JoinPlan, kept: Mapping[bytes, FeedbackHistory]) -> None:
        """Store histories, each where it outlives the stub it may be about."""
        indices: dict[int, list[bytes]] = {}
        for key, said in kept.items():
            indices.setdefault((said.newest + plan.wait + plan.keep) // plan.span, []).append(key)
        for index, keys in indices.items():
            self.store.put_histories((plan.span, index), keys, [history.encode(kept[key]) for key in keys])

    def _wait(self, plan: JoinPlan, model: ModelJoin, key: bytes, word: FeedbackRecord) -> bool:
        """Let a word wait for its prediction; False when too many do."""
        waits = model.waiting.get(key)
        if waits is None and len(model.waiting) >= MAX_WAITING:
            _count(model.totals.unmatched, OVERFLOW, 1)
            return False
        until, words = (0, 0) if waits is None else waits
        model.waiting[key] = max(until, word.known + plan.wait), words + 1
        model.totals.waiting += 1
        return True

    def _match(
        self,
        plan: JoinPlan,
        stub: bytes,
        times: tuple[int, int],
        before: list[FeedbackRecord],
        after: list[FeedbackRecord],
        found: JoinedBatch,
    ) -> None:
        made, known = times
        if not before and len(after) == 1 and plan.negative_after is None:
            (word,) = after
            part = history.first(word, known, plan.tick)
            found.add(stub, (part,))
            found.knew(part[0], max(word.known, known))
            return
        former = history.changes(before, made, known, plan.tick, plan.negative_after)
        latter = history.changes(after, made, known, plan.tick, plan.negative_after)
        found.add(stub, history.difference(former, latter))
        for word in after[len(before) :]:
            at = max(word.known, known)
            found.knew(at // plan.tick, at)

    def _buckets(self, plan: JoinPlan, oldest: int) -> list[Bucket]:
        """Where stubs and histories may be that matter to words known from `oldest` (ms) on; the likeliest first."""
        newest = max(oldest, self._model(plan.model).newest) + plan.wait + plan.keep
        return [(plan.span, index) for index in range(newest // plan.span, oldest // plan.span - 1, -1)]

    def _ended(self) -> bool:
        return self.state.predictions.all_ended and self.state.feedback.all_ended

    def _advance(self) -> None:
        """Move the mark; whoever has waited long enough waits no more."""
        mark = joint_watermark((self.state.predictions, self.state.feedback))
        if mark is None or mark <= (self.state.mark or 0):
            return
        self.state.mark = mark
        for name, model in self.state.models.items():
            gone = [key for key, (until, _) in model.waiting.items() if until < mark * self.pane]
            if gone:
                self._leave(name, model, gone)
        self.store.expire(mark * self.pane)

    def _joined(self, model: str, found: JoinedBatch | None) -> Joined:
        counted: Counted = {}
        latest: dict[int, int] = {}
        heard = {} if found is None else found.heard
        if found is not None and found.stubs:
            counted = contributed(self.plans[model], self.codecs[model].unpack(found.stubs), found.contributions)
            latest = found.latest
        totals = self._model(model).totals
        copy = replace(
            totals, feedback=dict(totals.feedback), unmatched=dict(totals.unmatched), early=dict(totals.early)
        )
        return Joined(self.shard, counted, latest, heard, self.state.mark, self._ended(), copy)


def _count(counts: dict[str, int], reason: str, count: int) -> None:
    counts[reason] = counts.get(reason, 0) + count
