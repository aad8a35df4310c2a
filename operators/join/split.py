"""Split: what the shards of the join need of a batch, and what needs no join.

The latter: predictions are counted in their cohorts, negative labels are assumed for a later time, and feedback that
brings its prediction along is folded at once.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from operators.intake.label_codes import KINDS
from operators.join.contributions import Contributions, Unfolded, assumed, contributed, counted
from operators.join.history import FeedbackRecord, changes
from operators.join.scores import Scores, probabilities_of, ranked_of
from operators.join.stub import StubCodec, Stubs
from operators.plans.join import SHARDS
from operators.progress import Told, progress_of
from operators.records import Topic
from windows.values import ids_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback, Embedded, Labels
    from operators.intake.served import Served
    from operators.join.contributions import Counted
    from operators.join.ticks import Named
    from operators.plans.join import JoinPlan
    from operators.progress import Progress
    from windows.arrays import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class StubBlock:
    """n predictions of a model for one shard: keys, stubs, when each was made and became known by its batch (ms)."""

    model: str
    keys: list[bytes]
    stubs: list[bytes]
    times: IntArray
    known: IntArray


@dataclass(frozen=True, slots=True)
class FeedbackBlock:
    """n feedback records of a model for one shard."""

    model: str
    keys: list[bytes]
    words: list[FeedbackRecord]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one batch of one topic brings to one shard."""

    topic: Topic
    progress: Progress
    stubs: tuple[StubBlock, ...] = ()
    words: tuple[FeedbackBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Unjoined:
    """What one batch of one topic tells of a model without the join.

    Attributes:
        topic: which.
        progress: of its partition.
        counted: see Counted.
        assumed: the same, of negative labels that count unless feedback comes first.
        feedback: feedback records taken, by kind.
        negatives: labels assumed.
        latest: known tick -> latest time (ms) of a prediction, or effective time of feedback, that became known in it.
        heard: tick -> feedback records with an effective time in it.
        newest: known tick -> the newest prediction, or feedback that is to be joined, that became known in it.
    """

    topic: Topic
    progress: Progress
    counted: Counted = field(default_factory=dict)
    assumed: Counted = field(default_factory=dict)
    feedback: dict[str, int] = field(default_factory=dict)
    negatives: int = 0
    latest: dict[int, int] = field(default_factory=dict)
    heard: dict[int, int] = field(default_factory=dict)
    newest: dict[int, Named] = field(default_factory=dict)


Output = tuple[str, Delivery | Unjoined]
"""(name of the shard or model, what it gets)."""


def shard_name(shard: int) -> str:
    """The name of a shard's step."""
    return f"shard-{shard}"


class _Model:
    """What splitting needs of a model, prepared once."""

    def __init__(self, plan: JoinPlan) -> None:
        self.plan = plan
        self.codec = StubCodec(plan)
        self.scores = Scores(plan)
        self.seed = plan.seed
        self.threshold = plan.threshold

    def keys(self, ids: Sequence[str]) -> tuple[list[bytes], IntArray]:
        """The key of each id, and its shard, or -1 where it is not in the sample."""
        keys = list(map(xxhash.xxh3_64_digest, map(str.encode, ids_of(ids)), repeat(self.seed)))
        hashes = np.frombuffer(b"".join(keys), dtype=">u8")
        shards = (hashes % np.uint64(SHARDS)).astype(np.int64)
        if self.plan.sample < 1:
            shards[hashes >= np.uint64(self.threshold)] = -1
        return keys, shards


class SplitPredictions:
    """Splits decoded predictions. What it remembers only saves messages."""

    def __init__(self, plans: Sequence[JoinPlan], pane: int) -> None:
        """Prepare every model."""
        self.models = {plan.model: _Model(plan) for plan in plans}
        self.pane = pane
        self.told = Told()

    def __call__(self, decoded: Decoded) -> list[Output]:
        """Deliveries to shards, and what is told directly."""
        progress = progress_of(decoded.origin, decoded.floor, self.pane)
        news = self.told.is_news(progress)
        blocks: dict[int, list[StubBlock]] = {}
        outputs: list[Output] = []
        for model, served in decoded.served.items():
            outputs.append((model, self._model(self.models[model], served, progress, blocks)))
        if news:
            outputs += [
                (model, Unjoined(Topic.PREDICTIONS, progress)) for model in self.models.keys() - decoded.served.keys()
            ]
        for shard in range(SHARDS) if news else blocks:
            outputs.append(
                (shard_name(shard), Delivery(Topic.PREDICTIONS, progress, stubs=tuple(blocks.get(shard, ()))))
            )
        return outputs

    def _model(self, model: _Model, served: Served, progress: Progress, blocks: dict[int, list[StubBlock]]) -> Unjoined:
        plan, columns = model.plan, served.columns
        score = model.scores(served.predictions)
        counts = _counted(score, served, ranking=plan.task.options.task == "ranking")
        rows = np.flatnonzero(counts)
        if len(rows) < len(score):
            served_ids: Sequence[str | None] = [served.ids[row] for row in rows.tolist()]
            predictions: Sequence[Any] = [served.predictions[row] for row in rows.tolist()]
        else:
            served_ids, predictions = served.ids, served.predictions
        named = (
            np.fromiter((one is not None for one in served_ids), np.bool_, len(rows)) if None in served_ids else None
        )
        ids = ["" if one is None else one if type(one) is str else str(one) for one in served_ids]
        keys, shards = model.keys(ids)
        if named is not None:
            # Without an id there can be no label; it still counts among the predictions, unless those are sampled.
            shards[~named] = -1 if plan.sample < 1 else SHARDS
        versions = columns.versions
        stubs = Stubs(
            served.times[rows],
            served.known[rows],
            score[rows],
            columns.segments[:, rows],
            probabilities_of(predictions, plan),
            ranked_of(predictions, plan),
            [versions[at] for at in columns.version[rows].tolist()],
        )
        if len(rows):
            _deliver(model, keys, shards, stubs, blocks)
        chosen = np.flatnonzero(shards >= 0)
        found = self._direct(plan, stubs, versions, columns.version[rows], chosen, progress)
        return replace(found, newest=newest_of(plan.tick, stubs.known, stubs.times, ids))

    def _direct(
        self,
        plan: JoinPlan,
        stubs: Stubs,
        versions: tuple[str, ...],
        version: IntArray,
        chosen: IntArray,
        progress: Progress,
    ) -> Unjoined:
        times, known = stubs.times[chosen], stubs.known[chosen]
        ticks = known // plan.tick
        if not len(chosen):
            return Unjoined(Topic.PREDICTIONS, progress)
        segments, score = stubs.segments[:, chosen], stubs.score[chosen]
        made = Unfolded(ticks, times // plan.tick, versions, version[chosen], segments, score)
        negative = {} if plan.negative_after is None else assumed(plan, stubs, versions, version, chosen)
        return Unjoined(
            Topic.PREDICTIONS,
            progress,
            counted(plan, made),
            negative,
            negatives=len(chosen) if plan.negative_after is not None else 0,
            latest=latest_of(ticks, times),
        )


class SplitFeedback:
    """Splits decoded feedback. What it remembers only saves messages."""

    def __init__(self, plans: Sequence[JoinPlan], pane: int) -> None:
        """Prepare every model."""
        self.models = {plan.model: _Model(plan) for plan in plans}
        self.pane = pane
        self.told = Told()

    def __call__(self, decoded: DecodedFeedback) -> list[Output]:
        """Deliveries to shards, and what is told directly."""
        progress = progress_of(decoded.origin, decoded.floor, self.pane)
        news = self.told.is_news(progress)
        blocks: dict[int, list[FeedbackBlock]] = {}
        # One of a model and batch: it tells the progress, and what came with it counts as of before.
        found: dict[str, Unjoined] = {}
        for name, labels in decoded.labels:
            one = found.setdefault(name, Unjoined(Topic.FEEDBACK, progress))
            if labels.embedded is None:
                model = self.models[name]
                self._deliver(model, labels, blocks)
                newest = newest_of(model.plan.tick, labels.known, labels.times, labels.ids)
                found[name] = replace(one, newest=newest)
            else:
                direct = self._embedded(self.models[name].plan, labels, labels.embedded, progress)
                found[name] = replace(direct, newest=one.newest)
        outputs: list[Output] = [*found.items()]
        if news:
            told = {name for name, _ in outputs}
            outputs += [(name, Unjoined(Topic.FEEDBACK, progress)) for name in self.models.keys() - told]
        for shard in range(SHARDS) if news else blocks:
            outputs.append((shard_name(shard), Delivery(Topic.FEEDBACK, progress, words=tuple(blocks.get(shard, ())))))
        return outputs

    def _deliver(self, model: _Model, labels: Labels, blocks: dict[int, list[FeedbackBlock]]) -> None:
        keys, _ = model.keys(labels.ids)
        words = _words(labels)
        shards = np.frombuffer(b"".join(keys), dtype=">u8") % np.uint64(SHARDS)
        for shard in np.unique(shards).tolist():
            rows = np.flatnonzero(shards == shard).tolist()
            block = FeedbackBlock(model.plan.model, [keys[row] for row in rows], [words[row] for row in rows])
            blocks.setdefault(int(shard), []).append(block)

    def _embedded(self, plan: JoinPlan, labels: Labels, embedded: Embedded, progress: Progress) -> Unjoined:
        score = self.models[plan.model].scores(embedded.predictions)
        made = embedded.times
        stubs = Stubs(
            made,
            made,
            score,
            embedded.segments,
            probabilities_of(embedded.predictions, plan),
            ranked_of(embedded.predictions, plan),
            embedded.versions,
        )
        found = Contributions([], [], [], [])
        for row, word in enumerate(_words(labels)):
            for (tick, state), sign in changes([word], int(made[row]), int(made[row]), plan.tick, None).items():
                found.add(row, tick, state, sign)
        counts = np.bincount(labels.kinds, minlength=len(KINDS)).tolist()
        return Unjoined(
            Topic.FEEDBACK,
            progress,
            contributed(plan, stubs, found),
            feedback={kind: count for kind, count in zip(KINDS, counts, strict=True) if count},
            latest=latest_of(np.maximum(labels.known, made) // plan.tick, labels.known),
            heard=dict(Counter((labels.known // plan.tick).tolist())),
        )


def latest_of(ticks: IntArray, times: IntArray) -> dict[int, int]:
    """Tick -> the latest of the times in it."""
    found: dict[int, int] = {}
    for tick in np.unique(ticks).tolist():
        found[tick] = int(times[ticks == tick].max())
    return found


def newest_of(tick: int, known: IntArray, times: IntArray, ids: Sequence[str]) -> dict[int, Named]:
    """Tick that records became known in -> the newest of them, of those of one time the one with the greatest id."""
    found: dict[int, Named] = {}
    ticks = known // tick
    for one in np.unique(ticks).tolist():
        rows = np.flatnonzero(ticks == one)
        newest = int(times[rows].max())
        named = max(ids[row] for row in rows[times[rows] == newest].tolist())
        if named:
            found[one] = newest, named
    return found


def _counted(score: np.ndarray, served: Served, *, ranking: bool) -> BoolArray:
    """Predictions that quality can be measured of: those that did not fail and have a prediction."""
    given: BoolArray = (
        np.fromiter((isinstance(item, list) for item in served.predictions), np.bool_, len(score))
        if ranking
        else ~np.isnan(score)
    )
    return given if served.columns.failed is None else given & ~served.columns.failed


def _deliver(
    model: _Model, keys: list[bytes], shards: IntArray, stubs: Stubs, blocks: dict[int, list[StubBlock]]
) -> None:
    """Add the stubs to the block of each shard."""
    packed = model.codec.pack(stubs)
    order = np.argsort(shards, kind="stable")
    bounds = np.searchsorted(shards[order], np.arange(SHARDS + 1))
    for shard in range(SHARDS):
        rows = order[bounds[shard] : bounds[shard + 1]]
        if len(rows):
            picked = rows.tolist()
            block = StubBlock(
                model.plan.model,
                [keys[row] for row in picked],
                [packed[row] for row in picked],
                stubs.times[rows],
                stubs.known[rows],
            )
            blocks.setdefault(shard, []).append(block)


def _words(labels: Labels) -> list[FeedbackRecord]:
    clicked = labels.clicked
    numbers = [None if math.isnan(label) else label for label in labels.labels.tolist()]
    given = numbers if clicked is None else [None if one is None else list(one) for one in clicked]
    values = [None if math.isnan(value) else value for value in labels.values.tolist()]
    columns = zip(labels.times.tolist(), labels.known.tolist(), labels.kinds.tolist(), given, values, strict=True)
    return list(map(FeedbackRecord._make, columns))
