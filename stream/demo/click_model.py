"""A synthetic click model: the rows that the demo takes for normal.

Columns have the shapes that real features have: bell, skewed, heavy zeros, few distinct values, missing values. Numeric
features are independent of country and device, so every segment looks like the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from windows.arrays import FloatArray

MODEL = "click"
NUMERIC = (
    "age",
    "price",
    "discount",
    "position",
    "relevance",
    "clicks_7d",
    "session_seconds",
    "hours_since_visit",
)
CATEGORICAL = ("country", "device")
COUNTRIES = {"US": 0.34, "DE": 0.16, "IN": 0.14, "FR": 0.11, "BR": 0.1, "JP": 0.08, "GB": 0.05, "NL": 0.02}
DEVICES = {"ios": 0.42, "android": 0.39, "web": 0.19}
MISSING_AGE = 0.02

Rows = dict[str, "npt.NDArray[Any]"]


def click_rows(n: int, seed: int = 0, start: int = 1_700_000_000_000, span: int = 3_600_000) -> Rows:
    """Return n rows of the click model.

    Args:
        n: number of rows.
        seed: the same seed gives the same rows.
        start: event time of the first row, ms.
        span: event time the rows are evenly spread over, ms.

    Returns:
        NUMERIC (float64[n], NaN where missing), CATEGORICAL (object[n] of str), `prediction` (float64[n] in 0..1),
        `latency_ms` (float64[n], lognormal: median 12 ms, p99 about 60 ms), `timestamp` (int64[n], ms), `label`
        (int64[n]: 1 with the probability that the prediction says).
    """
    rng = np.random.default_rng(seed)
    discounted = rng.random(n) < 0.3
    rows: Rows = {
        "age": np.clip(rng.normal(38.0, 12.0, n), 13.0, 99.0),
        "price": rng.lognormal(3.0, 0.8, n),
        "discount": np.where(discounted, rng.uniform(0.05, 0.5, n), 0.0),
        "position": rng.integers(1, 21, n).astype(np.float64),
        "relevance": rng.beta(2.0, 5.0, n),
        "clicks_7d": np.where(rng.random(n) < 0.55, 0.0, 1.0 + rng.poisson(3.0, n)),
        "session_seconds": rng.exponential(180.0, n),
        "hours_since_visit": rng.uniform(0.0, 72.0, n),
    }
    rows["prediction"] = click_probability(rows)
    rows["age"] = np.where(rng.random(n) < MISSING_AGE, np.nan, rows["age"])
    rows["country"] = rng.choice(np.array(list(COUNTRIES), dtype=object), n, p=list(COUNTRIES.values()))
    rows["device"] = rng.choice(np.array(list(DEVICES), dtype=object), n, p=list(DEVICES.values()))
    rows["latency_ms"] = rng.lognormal(np.log(12.0), 0.7, n)
    rows["timestamp"] = start + np.arange(n, dtype=np.int64) * span // max(1, n)
    rows["label"] = (rng.random(n) < rows["prediction"]).astype(np.int64)
    return rows


def click_probability(rows: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
    """Return the probability of a click: a logistic regression on features that are never missing."""
    z = (
        -2.2
        + 4.0 * rows["relevance"]
        - 0.08 * rows["position"]
        + 2.0 * rows["discount"]
        + 0.15 * rows["clicks_7d"]
        - 0.004 * rows["price"]
        - 0.006 * rows["hours_since_visit"]
    )
    score: FloatArray = 1.0 / (1.0 + np.exp(-z))
    return score
