"""The kinds of alerts: one row each, everything else about them is derived from it.

A new kind is a row here, and who finds it: on a measured value a `Monitor` in operators/plans/monitors.py, with its
setting; on silence or time a finding in operators/judging/, as freshness.py. And a page in deploy/runbooks with a line
in its index, a case in deploy/prometheus/tests/alerts.yml, a row in README. Keys of the config, severities, sentences,
rules and links follow. `driftgauge rules` writes the rule files in deploy/ anew, with the commands in their first
lines. Whether it spoils training data, blocks actions or makes a day unclean is asked by name in operators/actions/
(guards.py, need_inputs.py, canary.py), settings/actions.py and stream/references/adopt.py: grep FeatureStale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """What is known of a kind.

    Attributes:
        minor: its severity at the minor level, unless the config says otherwise; `critical` pages.
        major: its severity at the major level.
        sentence: what happened, about a model, its version and segment, which stand for {where}.
        of_labels: always about labels.
        fires: there is a monitor that finds any; then it has a runbook.
    """

    minor: Severity
    major: Severity
    sentence: str
    of_labels: bool = False
    fires: bool = True


_ROW = AlertRow

ALERTS: dict[str, AlertRow] = {
    # PSI 0.1-0.25 is to be looked at in office hours, beyond it the model is at risk
    "DataDrift": _ROW("info", "critical", "Features of {where} moved away from the reference"),
    # the output moved: users see it
    "PredictionDrift": _ROW("warning", "critical", "The predictions of {where} moved away from the reference"),
    # the relation the model learned no longer holds
    "ConceptDrift": _ROW(
        "warning", "critical", "The outcomes that {where} predicts follow another pattern than before", of_labels=True
    ),
    # measured harm
    "PerformanceDrop": _ROW("warning", "critical", "{where} performs worse than its baseline", of_labels=True),
    # a promise to others
    "SlaBreach": _ROW("warning", "critical", "{where} misses an objective"),
    # often a known upstream change; drift pages if it matters
    "DataQuality": _ROW(
        "info", "warning", "Too many values of {where} are missing, unseen, out of range or of another type"
    ),
    # the model works on guesses
    "FeatureStale": _ROW(
        "warning", "critical", "A feature of {where} has stopped having values while predictions go on"
    ),
    # nobody is served, or nobody would know
    "NoData": _ROW("warning", "critical", "No predictions of {where}, and Kafka has none waiting"),
    # quality is unknown, not bad
    "LabelStall": _ROW("info", "warning", "Labels of {where} have stopped coming", of_labels=True),
    # features that keep their own distributions while their relation breaks: a hint where to look
    "Anomaly": _ROW("info", "warning", "{where} behaves unlike before"),
    # the cure was asked for, and has not come
    "ActionOverdue": _ROW("warning", "critical", "What was asked for because of {where} is not done in time"),
    # the cure was tried, and did not work
    "ActionFailed": _ROW("warning", "critical", "What was asked for because of {where} has failed"),
}

if TYPE_CHECKING:
    AlertName = str
else:
    AlertName = Literal[tuple(ALERTS)]
    """The name of a kind."""
