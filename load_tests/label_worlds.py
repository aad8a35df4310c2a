"""Random worlds of predictions and feedback: what a model served, and all that was ever said about it, in any order.

A world is a function of its number alone. Feedback comes early, late, twice, revised up to a dozen times, about nobody,
after the prediction has expired, or with the prediction in it. The order in which both topics deliver is anything from
that of time to none at all.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from windows.references.reference import Reference, seal
from windows.sketches.edges import coarse_bins, fine_edges
from windows.sketches.profiles import CategoricalProfile, NumericProfile, Profile, SegmentCounts, slot_count
from windows.sketches.quantiles import LATENCY_BINS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray
    from windows.outcomes.layout import Task

START = 1_700_000_400_000
"""A multiple of every pane used here, ms."""
MINUTE, HOUR = 60_000, 3_600_000
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "ranking")
CLASSES = ("0", "1", "2", "3")
COUNTRIES, DEVICES = ("de", "fr", "us"), ("phone", "web")
ITEMS = tuple(f"item-{number}" for number in range(12))
KEEP, WAIT = 6 * HOUR, 5 * HOUR
EXPIRED = KEEP + HOUR
"""Feedback this much later finds its prediction gone."""
OPTIONS: dict[Task, tuple[dict[str, Any], ...]] = {
    "binary": ({}, {"negative_after": "15m"}, {"threshold": 0.3}, {"positive": "yes"}),
    "multiclass": ({},),
    "regression": ({}, {"tolerance": 1.5}),
    "ranking": ({}, {"negative_after": "15m"}, {"k": 1}, {"k": 3, "negative_after": "15m"}),
}
ORDERS = ("in time order", "nearly in order", "shuffled")


@dataclass(frozen=True, slots=True)
class Served:
    """A prediction; `embedded` when no message ever says so but the one feedback about it."""

    id: str
    at: int
    version: str
    country: str | None
    device: str
    prediction: Any
    embedded: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One thing said about a prediction; of one prediction no two have the same time."""

    id: str
    at: int
    kind: str | None
    label: Any
    value: float | None


@dataclass(frozen=True)
class Lane:
    """Messages of one partition, in order."""

    feedback: bool
    values: list[bytes]


@dataclass(frozen=True)
class World:
    """One interleaving.

    Attributes:
        number: of it.
        config: of the model, as in a config file.
        settings: the same.
        reference: of the model.
        time: panes and lateness.
        served: all predictions.
        said: all feedback, every delivery of it.
        lanes: the messages.
        order: how they are ordered.
        many: whether there may be more words about one prediction than are remembered.
    """

    number: int
    config: dict[str, Any]
    settings: ModelSettings
    reference: Reference
    time: TimeSettings
    served: list[Served]
    said: list[Said]
    lanes: list[Lane] = field(repr=False)
    order: str
    many: bool

    @property
    def task(self) -> Task:
        """Of the model."""
        return self.settings.task


def world(number: int) -> World:
    """The world of this number."""
    rng = random.Random(number)
    task = TASKS[number % len(TASKS)]
    pane, windows = rng.choice(
        [(5 * MINUTE, ("20m", "4h"))] * 6 + [(MINUTE, ("20m", "1h"))] * 2 + [(10_000, ("10m",))] * (number % 5 == 0)
    )
    performance: dict[str, Any] = {
        "windows": list(windows),
        "label_delay": rng.choice(("20m", "30m")),
        "keep": f"{KEEP // HOUR}h",
        "wait": f"{WAIT // HOUR}h",
        "cross": [["country", "device"]] if number % 2 else [],
        **rng.choice(OPTIONS[task]),
    }
    config = {
        "name": "model",
        "task": task,
        "segments": ["country", "device"],
        **{part: {"windows": ["1h"]} for part in ("drift", "prediction", "quality")},
        "performance": performance,
    }
    settings = ModelSettings.model_validate(config)
    scored = number % 8 >= 4  # multiclass: class scores instead of names
    many, order = rng.random() < 0.2, rng.choice(ORDERS)
    span, longest = rng.choice((20, 40, 60, 150)) * MINUTE, rng.choice((10, 25, 70)) * MINUTE
    served = [_served(rng, task, f"p{at}", span, scored=scored) for at in range(rng.randint(60, 220))]
    said = [word for one in served for word in _words(rng, settings, one, longest, many=many)]
    said += [_word(rng, settings, f"nobody{at}", START + rng.randrange(span)) for at in range(len(served) // 20)]
    said += [rng.choice(said) for _ in range(len(said) // 10)]
    alone = [_served(rng, task, f"e{at}", span, scored=scored, embedded=True) for at in range(rng.choice((0, 8)))]
    said += [_word(rng, settings, one.id, one.at + rng.randrange(1, 10 * MINUTE)) for one in alone]
    # What has expired and what ends the traffic must come last: it moves the clock on for all that follows it.
    last: list[Said] = []
    if rng.random() < 0.2:
        last = [_word(rng, settings, one.id, one.at + EXPIRED) for one in rng.sample(served, 5)]
    # By then every label has come, and every negative one has been assumed.
    end = START + span + (EXPIRED if last else max(longest, 16 * MINUTE)) + rng.randint(1, 20) * MINUTE
    final = Served("last", end, "1", "de", "web", served[0].prediction)
    last.append(_word(rng, settings, "last", end + 1))
    time = TimeSettings.model_validate({"pane": pane / 1e3, "lateness": rng.choice((0, 5, 120))})
    lanes = [
        *_lanes(rng, order, [(one.at, prediction_json(one)) for one in served], [prediction_json(final)], False),
        *_lanes(
            rng,
            order,
            [(word.at, feedback_json(word, {one.id: one for one in alone}.get(word.id))) for word in said],
            [feedback_json(word) for word in last],
            True,
        ),
    ]
    return World(
        number, config, settings, reference_of(task), time, [*served, *alone, final], [*said, *last], lanes, order, many
    )


def _served(
    rng: random.Random, task: Task, identity: str, span: int, *, scored: bool, embedded: bool = False
) -> Served:
    prediction: Any
    if task == "binary":
        prediction = round(rng.betavariate(1.2, 1.8), rng.choice((1, 2, 6)))
    elif task == "multiclass":
        scores = [rng.random() ** 2 for _ in CLASSES]
        prediction = [score / sum(scores) for score in scores] if scored else rng.choice((*CLASSES, "unheard of"))
    elif task == "regression":
        prediction = rng.choice((round(rng.gauss(50, 7), 1), rng.gauss(50, 7), 5e4 * rng.random()))
    else:
        prediction = rng.sample(ITEMS, rng.randint(1, len(ITEMS)))
    country = rng.choice((*COUNTRIES, "at", None))
    at = START + rng.randrange(span)
    return Served(identity, at, rng.choice("112"), country, rng.choice(DEVICES), prediction, embedded)


def _words(rng: random.Random, settings: ModelSettings, one: Served, longest: int, *, many: bool) -> list[Said]:
    count = rng.choice((0, 0, 1, 1, 1, 1, 2, 3, *((12,) if many else ())))
    times: set[int] = set()
    while len(times) < count:
        early, soon, late = -rng.randrange(1, 5 * MINUTE), rng.randrange(3), rng.randrange(longest)
        times.add(one.at + rng.choice((early, soon, late, late)))
    return [_word(rng, settings, one.id, at) for at in rng.sample(sorted(times), count)]


def _word(rng: random.Random, settings: ModelSettings, identity: str, at: int) -> Said:
    label = _label(rng, settings)
    value = rng.choice((None, None, round(rng.lognormvariate(0, 1), 3), -rng.random() * 1e6))
    if value is not None and rng.random() < 0.3:
        label = None
    return Said(identity, at, rng.choice((None, "explicit", "implicit", "delayed")), label, value)


def _label(rng: random.Random, settings: ModelSettings) -> Any:
    if settings.task == "binary":
        if settings.performance is not None and settings.performance.positive:
            return rng.choice(("yes", "yes", 0, False, "0", 1))
        return rng.choice((0, 1, True, False, "1", "0"))
    if settings.task == "multiclass":
        return rng.choice((*CLASSES, *CLASSES, 2, 3.0))
    if settings.task == "regression":
        return rng.choice((rng.gauss(50, 7), round(rng.gauss(50, 7)), 3e4 * rng.random()))
    return rng.choice(([], ITEMS[0], rng.sample(ITEMS, rng.randint(1, 4)), ["elsewhere"]))


def prediction_json(one: Served) -> bytes:
    """A prediction as it is sent."""
    context = {"device": one.device, **({} if one.country is None else {"country": one.country})}
    return _json(
        model="model",
        prediction_id=one.id,
        timestamp=one.at,
        version=one.version,
        prediction=one.prediction,
        features={"x": 0.5},
        context=context,
    )


def feedback_json(word: Said, one: Served | None = None) -> bytes:
    """Feedback as it is sent; with the prediction in it, if given."""
    given = {"label": word.label, "value": word.value, "kind": word.kind}
    fields = {name: value for name, value in given.items() if value is not None}
    if one is None:
        return _json(model="model", prediction_id=word.id, timestamp=word.at, **fields)
    context = {"device": one.device, **({} if one.country is None else {"country": one.country})}
    brought = {"prediction": one.prediction, "predicted_at": one.at, "version": one.version, "context": context}
    return _json(model="model", timestamp=word.at, **fields, **brought)


def _json(**fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _lanes(
    rng: random.Random, order: str, messages: Sequence[tuple[int, bytes]], last: Sequence[bytes], feedback: bool
) -> list[Lane]:
    """One to three partitions; an empty one is possible. One of them has what comes last."""
    jitter = {"in time order": 0.0, "nearly in order": 5.0 * MINUTE, "shuffled": 1e12}[order]
    places = [at + rng.uniform(0, jitter) for at, _ in messages]
    parts: list[list[bytes]] = [[] for _ in range(rng.randint(1, 3))]
    for row in sorted(range(len(messages)), key=places.__getitem__):
        rng.choice(parts).append(messages[row][1])
    rng.choice(parts).extend(last)
    return [Lane(feedback, part) for part in parts]


@cache
def reference_of(task: Task) -> Reference:
    """A reference whose scores are distributed as those of the worlds."""
    rng = np.random.default_rng(0)
    prediction: Profile | None = None
    if task == "binary":
        prediction = _profile(rng.beta(1.2, 1.8, 20_000))
    elif task == "regression":
        prediction = _profile(rng.normal(50, 7, 20_000))
    elif task == "multiclass":
        prediction = CategoricalProfile(CLASSES, np.full(len(CLASSES), 5_000, dtype=np.int64), 0, 0, 1.0)
    features: dict[str, Profile] = {"x": _profile(rng.random(20_000))}
    empty = SegmentCounts(
        rows=0,
        features={name: np.zeros(slot_count(profile), dtype=np.int64) for name, profile in features.items()},
        prediction=None if prediction is None else np.zeros(slot_count(prediction), dtype=np.int64),
    )
    return seal(
        Reference(
            model="model",
            rows=20_000,
            start=None,
            end=None,
            features=features,
            prediction=prediction,
            latency=np.zeros(LATENCY_BINS, dtype=np.int64),
            error_rows=0,
            segments={"country": dict.fromkeys(COUNTRIES, empty), "device": dict.fromkeys(DEVICES, empty)},
            id="",
        )
    )


def _profile(values: FloatArray) -> NumericProfile:
    edges = fine_edges(values, float(values.min()), float(values.max()))
    counts = np.histogram(values, edges)[0].astype(np.int64)
    center, scale = float(values.mean()), float(values.std())
    return NumericProfile(edges, counts, coarse_bins(counts), 0, 0, center, scale, 1.0)
