"""What the metrics of a world must be, worked out with pandas and scikit-learn from the final state of its data.

Nothing of driftgauge is used but the bins of scores, for the error that AUC is allowed.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from label_worlds import CLASSES, COUNTRIES, DEVICES
from sklearn import metrics as sk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from label_worlds import Said, World

    from operators.settings.performance import PerformanceSettings
    from windows.arrays import FloatArray, IntArray

SUMS = 1e-9
"""Of a mean of sums, relative to the larger of 1 and the mean."""
SHARES = 1e-12
"""Of a share of counts: the rounding of a division. The counts themselves must be equal."""
NO = math.nan


@dataclass(frozen=True, slots=True)
class Expected:
    """A metric: its value, how far it may be off (absolutely), and the rows behind it where their number is stated."""

    value: float
    within: float
    samples: int | None = None


@dataclass(frozen=True)
class Final:
    """The final state of a world.

    Attributes:
        rows: a row for each prediction, with the label and value that count.
        totals: counts of feedback by what became of it.
        kinds: counts of feedback by kind.
    """

    rows: pd.DataFrame
    totals: dict[str, int]
    kinds: dict[str, int]


def final_state(world: World) -> Final:
    """Join predictions with the latest label and the latest value of each; both found by the time they were said."""
    performance = cast("PerformanceSettings", world.settings.performance)
    served = pd.DataFrame([vars_of(one) for one in world.served]).set_index("id")
    words = pd.DataFrame([vars_of(word) for word in world.said])
    words["number"] = [_label(world, word) for word in world.said]
    words["key"] = words["label"].map(repr)
    distinct = words.drop_duplicates(["id", "at", "kind", "key", "value"])
    made = served["at"].reindex(distinct["id"]).to_numpy(dtype=np.float64)
    live = distinct[distinct["at"].to_numpy() <= made + performance.kept_for].sort_values("at")
    labels = live[live["number"].notna()].groupby("id").last()
    values = live[live["value"].notna()].groupby("id").last()
    rows = served.rename(columns={"at": "made"})
    rows["label"] = labels["number"].reindex(rows.index).astype(object)
    rows["labelled_at"] = labels["at"].reindex(rows.index)
    rows["value"] = values["value"].reindex(rows.index).astype(np.float64)
    if performance.negative_after is not None:
        silent = rows["label"].isna() & ~rows["embedded"]
        nothing: Any = () if world.task == "ranking" else 0.0
        rows["label"] = [nothing if none else label for none, label in zip(silent, rows["label"], strict=True)]
        rows["labelled_at"] = rows["labelled_at"].fillna(rows["made"] + performance.negative_after)
    rows["delay"] = (rows["labelled_at"] - rows["made"]).clip(lower=0) / 1e3
    matched = int(live["id"].nunique())
    totals = {
        "matched": matched,
        "revised": len(live) - matched,
        "duplicates": len(words) - len(distinct),
        "unmatched": len(distinct) - len(live),
        "negatives": 0 if performance.negative_after is None else int((~served["embedded"]).sum()),
    }
    kinds = Counter(word.kind or "explicit" for word in world.said)
    return Final(rows, totals, dict(kinds))


def vars_of(one: Any) -> dict[str, Any]:
    """The fields of a record."""
    return {name: getattr(one, name) for name in one.__slots__}


def _label(world: World, word: Said) -> Any:
    """The label as the task reads it; None where there is none."""
    label = word.label
    if label is None:
        return None
    if world.task == "binary":
        positive = cast("PerformanceSettings", world.settings.performance).positive
        return float(label in {1, "1", positive})
    if world.task == "multiclass":
        return CLASSES.index(str(int(label)))
    if world.task == "regression":
        return float(label)
    return tuple(label) if isinstance(label, list) else (label,)


def groups(world: World, final: Final, start: int, end: int) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """(version, segment) and its rows, of the predictions made in [start, end) ms."""
    rows = final.rows[(final.rows["made"] >= start) & (final.rows["made"] < end)].copy()
    country = rows["country"].where(rows["country"].isin(COUNTRIES), "other")
    device = rows["device"].where(rows["device"].isin(DEVICES), "other")
    families = {"": pd.Series("", index=rows.index), "country": "country=" + country, "device": "device=" + device}
    if cast("PerformanceSettings", world.settings.performance).cross:
        families["both"] = families["country"] + "," + families["device"]
    for names in families.values():
        for (version, segment), part in rows.groupby(["version", names]):
            if not part["embedded"].all():
                yield (version, segment), part


def expected(world: World, part: pd.DataFrame, edges: FloatArray | None) -> dict[str, Expected]:
    """Every metric of some rows; NaN where it is undefined."""
    performance = cast("PerformanceSettings", world.settings.performance)
    labelled = part[part["label"].notna()]
    served = int((~part["embedded"]).sum())
    values, delays = part["value"].dropna(), np.sort(labelled["delay"].to_numpy(dtype=np.float64))
    found = {
        "predictions": _exact(served),
        "labelled": _exact(len(labelled)),
        "label_coverage": Expected(min(len(labelled), served) / served, SHARES, served),
        "value_mean": _mean(float(values.mean()) if len(values) else NO, len(values)),
        "label_delay_p50_s": _quantile(np.maximum(delays, 1.0), 0.5, 0.05),
        "label_delay_p95_s": _quantile(np.maximum(delays, 1.0), 0.95, 0.05),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is undefined is NaN here
        return found | _BY_TASK[world.task](performance, labelled, edges)


def _exact(count: int) -> Expected:
    return Expected(float(count), 0.0, count)


def _mean(value: float, samples: int) -> Expected:
    return Expected(value, SUMS * max(1.0, abs(value)), samples)


def _share(successes: float, trials: int, samples: int | None = None) -> Expected:
    return Expected(successes / trials if trials else NO, SHARES, trials if samples is None else samples)


def _quantile(ordered: FloatArray, q: float, accuracy: float) -> Expected:
    if not len(ordered):
        return Expected(NO, 0.0, 0)
    value = float(ordered[math.floor(q * (len(ordered) - 1))])
    return Expected(value, value * accuracy * (1 + 1e-9), len(ordered))


def _binary(performance: PerformanceSettings, rows: pd.DataFrame, edges: FloatArray | None) -> dict[str, Expected]:
    score, label = rows["prediction"].to_numpy(np.float64), rows["label"].to_numpy(np.float64)
    called, n = (score >= performance.threshold).astype(np.float64), len(rows)
    positives, alarms = int(label.sum()), int(called.sum())
    hits = float((called * label).sum())
    return {
        "accuracy": _share(float((called == label).sum()), n),
        "precision": _share(hits, alarms),
        "recall": _share(hits, positives),
        "f1": Expected(sk.f1_score(label, called) if positives or alarms else NO, SHARES),
        "macro_f1": Expected(sk.f1_score(label, called, average="macro") if n else NO, SHARES, n),
        "balanced_accuracy": _balanced(label, called),
        "mcc": Expected(sk.matthews_corrcoef(label, called) if _varies(label) and _varies(called) else NO, SHARES, n),
        "fpr": _share(alarms - hits, n - positives),
        "auc": _auc(score, label, edges),
        "log_loss": _mean(sk.log_loss(label, score, labels=[0, 1]) if n else NO, n),
        "brier": _mean(sk.brier_score_loss(label, score, pos_label=1) if n else NO, n),
        "ece": _mean(_ece(score, score, label), n),
        "calibration_gap": _mean(sk.mean_absolute_error(label, score) if n else NO, n),
        "positive_ratio": _share(positives, n),
        "predicted_positive_ratio": _share(alarms, n),
    }


def _balanced(label: FloatArray | IntArray, called: FloatArray | IntArray) -> Expected:
    """Of a single class nothing is balanced."""
    if not _varies(label):
        return Expected(NO, SHARES, 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        return Expected(float(sk.balanced_accuracy_score(label, called)), SHARES, len(label))


def _varies(values: FloatArray | IntArray) -> bool:
    return len(np.unique(values)) > 1


def _auc(score: FloatArray, label: FloatArray, edges: FloatArray | None) -> Expected:
    """The area of the raw scores. Binned it may be off by half the share of pairs in one bin of several values."""
    positive, negative = score[label == 1], score[label == 0]
    if edges is None or not len(positive) or not len(negative):
        return Expected(NO, 0.0, 0)
    bins = len(edges) + 1
    p, q = (np.bincount(np.searchsorted(edges, part, side="right"), minlength=bins) for part in (positive, negative))
    single = np.zeros(bins, dtype=bool)
    single[1:-1] = edges[1:] == np.nextafter(edges[:-1], np.inf)
    error = float((p * q)[~single].sum()) / (2 * len(positive) * len(negative))
    return Expected(float(sk.roc_auc_score(label, score)), error + SHARES, len(label))


def _ece(by: FloatArray, score: FloatArray, right: FloatArray) -> float:
    if not len(score):
        return NO
    tenths = np.minimum(np.searchsorted(np.arange(11) / 10, by, side="right") - 1, 9)
    gaps = pd.DataFrame({"bin": tenths, "gap": score - right}).groupby("bin")["gap"].sum()
    return float(gaps.abs().sum() / len(score))


def _multiclass(_: PerformanceSettings, rows: pd.DataFrame, __: FloatArray | None) -> dict[str, Expected]:
    label = rows["label"].to_numpy(np.int64)
    lists = [isinstance(item, list) for item in rows["prediction"]]
    names = {name: code for code, name in enumerate(CLASSES)}
    called = np.array(
        [int(np.argmax(item)) if isinstance(item, list) else names.get(item, len(CLASSES)) for item in rows.prediction],
        dtype=np.int64,
    )
    n, scored = len(rows), int(sum(lists))
    macro: dict[str, Callable[..., float]] = {
        "precision": sk.precision_score,
        "recall": sk.recall_score,
        "macro_f1": sk.f1_score,
        "f1": sk.f1_score,
    }
    found = {"accuracy": _share(float((called == label).sum()), n)}
    found["balanced_accuracy"] = _balanced(label, called)
    found |= {
        name: Expected(function(label, called, average="macro", zero_division=0) if n else NO, SHARES, n)
        for name, function in macro.items()
    }
    empty = _mean(NO, 0)
    if not scored:
        return found | dict.fromkeys(("log_loss", "brier", "ece", "calibration_gap"), empty)
    scores = np.array([[*item, 0.0] for item in rows["prediction"] if isinstance(item, list)])
    truth, chosen = label[lists], called[lists]
    right = scores[np.arange(scored), truth]
    classes = range(len(CLASSES) + 1)
    eps = float(np.finfo(np.float64).eps)
    losses = -np.log(np.clip(right, eps, 1 - eps))
    top = scores.max(axis=1)
    return found | {
        "log_loss": _mean(float(losses.mean()), scored),
        "brier": _mean(float(np.square(scores - np.eye(len(classes))[truth]).sum(axis=1).mean()), scored),
        "ece": _mean(_ece(top, top, (chosen == truth).astype(np.float64)), scored),
        "calibration_gap": _mean(float((1 - right).mean()), scored),
    }


def _regression(performance: PerformanceSettings, rows: pd.DataFrame, _: FloatArray | None) -> dict[str, Expected]:
    score, label, n = rows["prediction"].to_numpy(np.float64), rows["label"].to_numpy(np.float64), len(rows)
    errors = np.sort(np.abs(score - label))
    tolerance = performance.tolerance
    spread = bool(n > 1 and np.ptp(label) > 0)
    found = {
        "mae": _mean(sk.mean_absolute_error(label, score) if n else NO, n),
        "rmse": _mean(sk.root_mean_squared_error(label, score) if n else NO, n),
        "bias": _mean(float((score - label).mean()) if n else NO, n),
        "r2": _mean(sk.r2_score(label, score) if spread else NO, n),
        "abs_error_p50": _quantile(errors, 0.5, 0.025),
        "abs_error_p90": _quantile(errors, 0.9, 0.025),
        "abs_error_p99": _quantile(errors, 0.99, 0.025),
    }
    if tolerance is not None:
        found["within_tolerance"] = _share(float((errors <= tolerance).sum()), n)
    return found


def _ranking(performance: PerformanceSettings, rows: pd.DataFrame, _: FloatArray | None) -> dict[str, Expected]:
    n, k = len(rows), performance.k
    ndcg, reciprocal, shown, clicks, clicked, named, unlisted = [], [], 0, 0, 0, 0, 0
    for items, hits in zip(rows["prediction"], rows["label"], strict=True):
        relevant = np.array([item in hits for item in items])
        order = -np.arange(len(items))
        # scikit-learn wants two items at least; one more that nobody clicks, in the last place, changes nothing.
        padded, places = np.append(relevant, False), np.append(order, -len(items))
        ndcg.append(sk.ndcg_score(padded[None], places[None], k=k) if relevant.any() else 0.0)
        reciprocal.append(1 / (int(np.argmax(relevant)) + 1) if relevant.any() else 0.0)
        shown += min(len(items), k)
        clicks += int(relevant[:k].sum())
        clicked += int(relevant.any())
        named += len(set(hits))
        unlisted += len(set(hits) - set(items))
    return {
        "ndcg": _mean(float(np.mean(ndcg)) if n else NO, n),
        "mrr": _mean(float(np.mean(reciprocal)) if n else NO, n),
        "ctr": _share(clicks, shown, n),
        "clicked_ratio": _share(clicked, n),
        "unlisted_ratio": _share(unlisted, named),
    }


_BY_TASK: dict[str, Callable[[PerformanceSettings, pd.DataFrame, FloatArray | None], dict[str, Expected]]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
    "ranking": _ranking,
}
