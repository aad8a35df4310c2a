"""References for tests: a small one made by hand, and hypothesis strategies for any."""

import numpy as np
from hypothesis import strategies as st

from windows.references.reference import Reference, seal
from windows.sketches.edges import coarse_bins
from windows.sketches.profiles import CategoricalProfile, NumericProfile, Profile, SegmentCounts, slot_count
from windows.sketches.quantiles import LATENCY_BINS

NAMES = st.text(min_size=1, max_size=8).filter(lambda text: text.isprintable())
COUNTS = st.integers(min_value=0, max_value=10**12)
FACTORS = st.none() | st.floats(min_value=1, max_value=1e6)


def _shares(draw: st.DrawFn, rows: int, slots: int) -> list[int]:
    """Whole numbers that sum to `rows`."""
    cuts = sorted(draw(st.lists(st.integers(0, rows), min_size=slots - 1, max_size=slots - 1)))
    return [after - before for before, after in zip([0, *cuts], [*cuts, rows], strict=True)]


@st.composite
def profiles(draw: st.DrawFn, rows: int) -> Profile:
    """Any profile of `rows` rows."""
    if draw(st.booleans()):
        finite = st.floats(allow_nan=False, allow_infinity=False)
        edges = np.array(sorted(draw(st.lists(finite, min_size=2, max_size=12, unique=True))))
        *counts, missing, infinite = _shares(draw, rows, len(edges) + 1)
        return NumericProfile(
            edges=edges,
            counts=np.array(counts, dtype=np.int64),
            coarse=coarse_bins(np.array(counts, dtype=np.int64)),
            missing=missing,
            non_finite=infinite,
            center=draw(finite),
            scale=draw(st.floats(min_value=1e-300, max_value=1e300)),
            overdispersion=draw(FACTORS),
        )
    names = draw(st.lists(NAMES, max_size=6, unique=True))
    *counts, other, missing = _shares(draw, rows, len(names) + 2)
    return CategoricalProfile(tuple(names), np.array(counts, dtype=np.int64), other, missing, draw(FACTORS))


@st.composite
def references(draw: st.DrawFn) -> Reference:
    """Any reference."""
    rows = draw(COUNTS)
    features = {name: draw(profiles(rows)) for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))}
    prediction = draw(st.none() | profiles(rows))
    segments = {}
    for key in draw(st.lists(NAMES, max_size=2, unique=True)):
        segments[key] = {value: _segment(draw, features, prediction) for value in draw(st.lists(NAMES, max_size=2))}
    latency = np.arange(LATENCY_BINS, dtype=np.int64) if draw(st.booleans()) else None
    start = draw(st.none() | st.integers(0, 2**45))
    return seal(
        Reference(draw(NAMES), rows, start, start, features, prediction, latency, draw(COUNTS), segments, id="")
    )


def _segment(draw: st.DrawFn, features: dict[str, Profile], prediction: Profile | None) -> SegmentCounts:
    rows = draw(COUNTS)

    def counts(profile: Profile) -> np.ndarray:
        return np.array(_shares(draw, rows, slot_count(profile)), dtype=np.int64)

    return SegmentCounts(
        rows=rows,
        features={name: counts(profile) for name, profile in features.items()},
        prediction=None if prediction is None else counts(prediction),
    )


def small_reference(model: str = "click") -> Reference:
    """Ten rows: age numeric, country categorical and a segment, a numeric prediction."""
    age = NumericProfile(
        edges=np.array([0.0, 10.0, 20.0]),
        counts=np.array([4, 4]),
        coarse=np.array([0, 1]),
        missing=1,
        non_finite=1,
        center=10.0,
        scale=5.0,
        overdispersion=1.5,
    )
    country = CategoricalProfile(("de", "fr"), np.array([5, 3]), other=1, missing=1, overdispersion=None)
    score = NumericProfile(np.array([0.0, 1.0]), np.array([10]), np.array([0]), 0, 0, 0.5, 0.1, None)
    part = SegmentCounts(
        rows=5,
        features={"age": np.array([0, 3, 2, 0, 0, 0]), "country": np.array([5, 0, 0, 0, 0])},
        prediction=np.array([0, 5, 0, 0, 0]),
    )
    return seal(
        Reference(
            model=model,
            rows=10,
            start=1_000,
            end=2_000,
            features={"age": age, "country": country},
            prediction=score,
            latency=None,
            error_rows=2,
            segments={"country": {"de": part}},
            id="",
        )
    )
