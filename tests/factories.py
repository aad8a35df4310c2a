"""Small references, layouts, records and batches built by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.plans.model import ModelPlan, plan_models
from operators.records import NoEnvelopes, Origin, RawBatch, Topic
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from windows.predictions.layout import Layout, layout_of
from windows.references.reference import Reference, seal
from windows.sketches.profiles import CategoricalProfile, NumericProfile, Profile, SegmentCounts, slot_count
from windows.sketches.quantiles import LATENCY_BINS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

START = 1_790_000_000_000
"""An ordinary moment, ms; a multiple of every pane used here."""

COUNTRIES = ("de", "fr", "us")
DEVICES = ("phone", "web")


def numeric(
    edges: npt.ArrayLike,
    counts: npt.ArrayLike,
    *,
    coarse: npt.ArrayLike | None = None,
    missing: int = 0,
    non_finite: int = 0,
    center: float = 0.0,
    scale: float = 1.0,
    overdispersion: float | None = 1.0,
) -> NumericProfile:
    """A numeric profile; every bin is its own coarse bin unless told otherwise."""
    return NumericProfile(
        edges=np.array(edges, dtype=np.float64),
        counts=np.array(counts, dtype=np.int64),
        coarse=np.array(range(np.size(counts)) if coarse is None else coarse, dtype=np.int64),
        missing=missing,
        non_finite=non_finite,
        center=center,
        scale=scale,
        overdispersion=overdispersion,
    )


def categorical(
    categories: Sequence[str],
    counts: Sequence[int],
    *,
    other: int = 0,
    missing: int = 0,
    overdispersion: float | None = 1.0,
) -> CategoricalProfile:
    """A categorical profile."""
    return CategoricalProfile(tuple(categories), np.array(counts, dtype=np.int64), other, missing, overdispersion)


def reference_of(
    features: Mapping[str, Profile],
    prediction: Profile | None = None,
    *,
    rows: int,
    model: str = "click",
    segments: dict[str, Sequence[str]] | None = None,
) -> Reference:
    """A reference of these profiles; its segments each hold no rows but are known."""
    empty = SegmentCounts(
        rows=0,
        features={name: np.zeros(slot_count(profile), dtype=np.int64) for name, profile in features.items()},
        prediction=None if prediction is None else np.zeros(slot_count(prediction), dtype=np.int64),
    )
    return seal(
        Reference(
            model=model,
            rows=rows,
            start=None,
            end=None,
            features=dict(features),
            prediction=prediction,
            latency=np.zeros(LATENCY_BINS, dtype=np.int64),
            error_rows=0,
            segments={key: dict.fromkeys(values, empty) for key, values in (segments or {}).items()},
            id="",
        )
    )


def click(model: str = "click") -> Reference:
    """A model with ties, a constant, categories, a boolean and two segment keys, one of them from the context."""
    one = np.nextafter(1.0, np.inf)
    features: dict[str, Profile] = {
        "age": numeric([18, 30, 45, 60, 99], [300, 300, 200, 190], missing=10, center=40.0, scale=15.0),
        "clicks": numeric([0.0, 5e-324, 1.0, one, 10.0], [600, 0, 200, 200], center=1.5, scale=2.5),
        "fixed": numeric([7.0, np.nextafter(7.0, 8.0)], [1000], center=7.0),
        "country": categorical(COUNTRIES, [500, 300, 150], other=40, missing=10),
        "member": categorical(("false", "true"), [700, 300]),
    }
    score = numeric([0.0, 0.25, 0.5, 0.75, 1.0], [400, 300, 200, 100], center=0.35, scale=0.25)
    return reference_of(features, score, rows=1000, model=model, segments={"country": COUNTRIES, "device": DEVICES})


def click_layout(model: str = "click") -> Layout:
    """The layout of `click` with both segment keys."""
    return layout_of(click(model), ("country", "device"))


def record(timestamp: Any = START, *, model: str = "click", **changes: Any) -> bytes:
    """A good record of `click`; a change of None leaves the field out."""
    fields = {
        "model": model,
        "timestamp": timestamp,
        "version": "1",
        "prediction": 0.3,
        "features": {"age": 33, "clicks": 0, "fixed": 7, "country": "de", "member": True},
        "latency_ms": 12.5,
        "context": {"device": "web"},
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def batch(
    values: Sequence[bytes | None],
    *,
    partition: int = 0,
    partitions: int = 1,
    written: int = START,
    first: int = 0,
    silent_until: int | None = None,
    ended: bool = False,
    feedback: bool = False,
) -> RawBatch:
    """A batch of messages, all written and received at `written`, with offsets from `first`."""
    holds = Topic.FEEDBACK if feedback else Topic.PREDICTIONS
    return RawBatch(
        Origin(holds.value, partition, partitions, holds, silent_until=silent_until, ended=ended),
        values,
        [written] * len(values),
        NoEnvelopes(first),
        written,
    )


def plan_of(
    reference: Reference, *, alerting: AlertingSettings | None = None, everything: bool = False, **settings: Any
) -> ModelPlan:
    """The plan of one model with these settings over 10 s panes."""
    model = ModelSettings.model_validate({"name": reference.model, "task": "binary", **settings})
    promise = AlertingSettings() if alerting is None else alerting
    return plan_models([model], {model.name: reference}, TimeSettings(), promise, everything=everything)[model.name]
