"""What alerts on labels say: one sentence that a person woken at night understands."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

from operators.settings.metrics import WORDS

if TYPE_CHECKING:
    from operators.findings import Finding

_ERRORS = {"error_rate": "Error rate", "ndcg_loss": "NDCG loss"}
"""Errors in words; metrics have theirs in the catalogue."""

DETECTORS = {"adwin": "ADWIN", "page_hinkley": "Page-Hinkley"}


def label_reason(who: str, where: str, finding: Finding, others: str = "") -> str:
    """The sentence.

    Args:
        who: model and version.
        where: " for SEGMENT", or "".
        finding: from labels.
        others: what else the alert is about, to end the sentence with.
    """
    if finding.alert == "LabelStall":
        return _stall(who, finding)
    if finding.metric == "curve_shift":
        return _curve(who, finding)
    if finding.metric in DETECTORS:
        return (
            f"{DETECTORS[finding.metric]} finds that the error of {who} has changed: it is {finding.value:.4g} over"
            f" {_cohorts(finding)} ({finding.samples:,} labels), and was {finding.threshold:.4g} on average before."
        )
    name = WORDS.get(finding.metric) or _ERRORS.get(finding.metric, finding.metric)
    measured = f"{finding.value:.4g} (interval {finding.lower:.4g} to {finding.upper:.4g})"
    side = "below" if finding.falling else "above"
    limit = f"{side} {'the objective' if finding.alert == 'SlaBreach' else 'the limit'} of {finding.threshold:.4g}"
    if not math.isnan(finding.baseline):
        limit += f" ({finding.baseline:.4g} {_in(finding.against)})"
    means = "" if finding.alert != "ConceptDrift" else "; outcomes no longer follow what the model learned"
    return (
        f"{name} of {who}{where} is {measured}, {limit}, over {_cohorts(finding)}"
        f" ({finding.samples:,} samples{_labelled(finding)}){means}{others}."
    )


def _stall(who: str, finding: Finding) -> str:
    start = (
        f"{who} has had no label for {_long(finding.value)} (limit {_long(finding.threshold)}) while predictions go on"
    )
    if finding.samples:
        why = finding.detail or "is prediction_id the same on both topics?"
        return (
            f"{start}: {finding.samples:,} feedback records came since, and none found its prediction"
            f" ({why}); how good they are is unknown until labels match again."
        )
    return f"{start}, and no feedback came since: how good they are is unknown until labels come again."


def _curve(who: str, finding: Finding) -> str:
    return (
        f"Precision and recall of {who} at equal scores moved by {finding.value:.4g} (interval {finding.lower:.4g} to"
        f" {finding.upper:.4g}), more than {finding.threshold:.4g}, between {_cohorts(finding)} and the period before"
        f" ({finding.samples:,} positives); outcomes no longer follow what the model learned."
    )


def _in(against: str) -> str:
    return against if against.endswith("earlier") else f"in {against}" if against else "before"


def _labelled(finding: Finding) -> str:
    return "" if math.isnan(finding.coverage) else f", {finding.coverage:.0%} of the predictions have a label"


def _cohorts(finding: Finding) -> str:
    """The period of the predictions: "the predictions of 2026-01-05 10:00 to 11:00 UTC"."""
    start, end = (dt.datetime.fromtimestamp(at / 1e3, tz=dt.UTC) for at in (finding.window.start, finding.window.end))
    seconds = ":%S" if finding.window.size % 60_000 or finding.window.end % 60_000 else ""
    until = f"%H:%M{seconds}" if start.date() == end.date() else f"%Y-%m-%d %H:%M{seconds}"
    return f"the predictions of {start:%Y-%m-%d %H:%M}{start.strftime(seconds)} to {end.strftime(until)} UTC"


def _long(seconds: float) -> str:
    """A time in a unit that a person thinks in: "45 min", "3.5 h", "2.1 d"."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
