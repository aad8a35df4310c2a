"""What alerts on labels say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from verdicts import finding

from operators.alerts.event import causes_of, reason_of
from operators.findings import Finding, WindowSpan

H = 3_600_000
NOON = int(dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC).timestamp() * 1_000)
DROP = finding(
    alert="PerformanceDrop",
    monitor="performance.accuracy",
    feature="",
    metric="accuracy",
    value=0.881,
    lower=0.8725,
    upper=0.8895,
    threshold=0.9,
    falling=True,
    baseline=0.95,
    against="the 14d before",
    coverage=0.921,
    window=WindowSpan(H, NOON - H, NOON),
)


def said(**changes: object) -> str:
    """The sentence about a drop with changes."""
    one: Finding = replace(DROP, **changes)  # type: ignore[arg-type]
    return reason_of("click", one, causes_of([one]), 1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {},
            (
                "Accuracy of click version 1 is 0.881 (interval 0.8725 to 0.8895), below the limit of 0.9 (0.95 in"
                " the 14d before), over the predictions of 2026-01-05 11:00 to 12:00 UTC (12,345 samples, 92% of"
                " the predictions have a label)."
            ),
        ),
        (
            {
                "metric": "fpr",
                "segment": "country=de",
                "falling": False,
                "against": "version 7",
                "window": WindowSpan(24 * H, NOON - 24 * H, NOON),
            },
            (
                "False positive rate of click version 1 for country=de is 0.881 (interval 0.8725 to 0.8895), above"
                " the limit of 0.9 (0.95 in version 7), over the predictions of 2026-01-04 12:00 to 2026-01-05"
                " 12:00 UTC (12,345 samples, 92% of the predictions have a label)."
            ),
        ),
        (
            {"metric": "value_mean", "against": "364d earlier", "window": WindowSpan(30_000, NOON - 30_000, NOON)},
            (
                "Mean value per prediction of click version 1 is 0.881 (interval 0.8725 to 0.8895), below the limit"
                " of 0.9 (0.95 364d earlier), over the predictions of 2026-01-05 11:59:30 to 12:00:00 UTC (12,345"
                " samples, 92% of the predictions have a label)."
            ),
        ),
        (
            {"alert": "SlaBreach", "baseline": float("nan")},
            (
                "Accuracy of click version 1 is 0.881 (interval 0.8725 to 0.8895), below the objective of 0.9, over"
                " the predictions of 2026-01-05 11:00 to 12:00 UTC (12,345 samples, 92% of the predictions have a"
                " label)."
            ),
        ),
        (
            {"alert": "ConceptDrift", "metric": "error_rate", "falling": False, "against": "the config"},
            (
                "Error rate of click version 1 is 0.881 (interval 0.8725 to 0.8895), above the limit of 0.9 (0.95"
                " in the config), over the predictions of 2026-01-05 11:00 to 12:00 UTC (12,345 samples, 92% of the"
                " predictions have a label); outcomes no longer follow what the model learned."
            ),
        ),
        (
            {"alert": "ConceptDrift", "metric": "curve_shift", "version": "", "coverage": float("nan")},
            (
                "Precision and recall of click at equal scores moved by 0.881 (interval 0.8725 to 0.8895), more"
                " than 0.9, between the predictions of 2026-01-05 11:00 to 12:00 UTC and the period before (12,345"
                " positives); outcomes no longer follow what the model learned."
            ),
        ),
        (
            {"alert": "ConceptDrift", "metric": "adwin", "coverage": float("nan"), "threshold": 0.5},
            (
                "ADWIN finds that the error of click version 1 has changed: it is 0.881 over the predictions of"
                " 2026-01-05 11:00 to 12:00 UTC (12,345 labels), and was 0.5 on average before."
            ),
        ),
        (
            {"alert": "LabelStall", "metric": "label_age_s", "version": "", "value": 9_000.0, "threshold": 3_600.0},
            (
                "click has had no label for 2.5 h (limit 1 h) while predictions go on: 12,345 feedback records came"
                " since, and none found its prediction (is prediction_id the same on both topics?); how good they are"
                " is unknown until labels match again."
            ),
        ),
        (
            {"alert": "LabelStall", "version": "", "value": 9_000.0, "threshold": 3_600.0, "detail": "as is known"},
            (
                "click has had no label for 2.5 h (limit 1 h) while predictions go on: 12,345 feedback records came"
                " since, and none found its prediction (as is known); how good they are is unknown until labels match"
                " again."
            ),
        ),
        (
            {"alert": "LabelStall", "version": "", "value": 190_000.0, "threshold": 2_700.0, "samples": 0},
            (
                "click has had no label for 2.2 d (limit 45 min) while predictions go on, and no feedback came since:"
                " how good they are is unknown until labels come again."
            ),
        ),
    ],
)
def test_reasons(changes: dict[str, object], text: str) -> None:
    """One sentence with the value, its interval, the limit, the baseline, the cohorts and what share has a label."""
    assert said(**changes) == text


def test_objectives_on_predictions_speak_as_before() -> None:
    """Without labels there are no cohorts to speak of."""
    plain = said(alert="SlaBreach", metric="latency_p99_ms", coverage=float("nan"), baseline=float("nan"))
    assert "over 1h and 12345 predictions: the objective is not met" in plain
