"""The kinds of alerts: one row each, everything else about them is derived from it.

A new kind is a row here, a page in deploy/runbooks, and who finds it: on a value that is measured the row's own
`watches`, on silence or time a finding in operators/judging/, as freshness.py. What is not measured yet gets a table in
operators/predictions/measure.py first; a share in windows/shares.py always feeds DataQuality. Keys of the config,
severities, sentences, rules, links, what it spoils and blocks, and what pages say follow; `python deploy/build.py`
writes rules, tables and lists of the documentation anew. tests/deploy asks for a case in
deploy/prometheus/tests/alerts.yml. What a kind spoils, blocks and pages is a decision: test_written.py there and
tests/operators/settings/test_policy.py list it once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from operators.tables import ANOMALOUS, RECONSTRUCTION, Kind
from windows.shares import SHARES, metric_of
from windows.statistics.catalog import JUDGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Severity = Literal["info", "warning", "critical"]

Chart = Literal["predictions", "service", "quality"]
"""Of a page, that shades the time in which a kind stood; charts of a feature shade whatever names that feature."""


Section = Literal["drift", "prediction", "quality", "multivariate"]


@dataclass(frozen=True, slots=True)
class Watch:
    """A limit on a value that is measured anyway: a key of the config, and the monitor behind it.

    The keys of `quality:` and their explanation are made of these rows; those of the other sections are there.

    Attributes:
        section: of a model in the config, with the key and the windows.
        key: its value is levels (`{minor: 0.1, major: 0.2}`), or a share that is the major level.
        table: what the metric is measured of. A limit on QUALITY also keeps a slice out of the baselines of `trailing:`
            (operators/trailing/trail.py), whatever kind it feeds.
        metric: its name.
        meaning: what is limited, for the config.
        share: the value is a share.
        usual: the share that holds unless the config says otherwise; None for off.
        always: it may not be off.
        example: a value that turns it on, where nothing is usual.
        unwatched: what nothing watches where it is off; empty for the kind as such.
        of: the kind of feature that has it; None for any.
        relative: the threshold is a rise over the reference's own value.
        scaled: the threshold is a multiple of the reference's own value.
        falling: low values are bad.
        whole_only: segments are not judged.
    """

    section: Section
    key: str
    table: Kind
    metric: str
    meaning: str = ""
    share: bool = False
    usual: float | None = None
    always: bool = False
    example: str = ""
    unwatched: str = ""
    of: Literal["categorical", "numeric"] | None = None
    relative: bool = False
    scaled: bool = False
    falling: bool = False
    whole_only: bool = False


@dataclass(frozen=True, slots=True)
class AlertRow:
    """What is known of a kind.

    Attributes:
        minor: its severity at the minor level, unless the config says otherwise; `critical` pages.
        major: its severity at the major level.
        sentence: what happened, about a model, its version and segment, which stand for {where}.
        fires_when: when it fires, for README's table; {distances} stands for those that are off by default.
        only_major: it is never found at the minor level.
        of_labels: always about labels.
        of_features: always about features: versions that differ in it do not serve the same traffic.
        chart: of a model's page, that shades its time; None for none.
        asks_by: what of `retrain:` it is asked by; None for `on:` alone.
        spoils: a model must not learn from rows of its time.
        blocks: nothing is trained while it fires, unless `retrain.block_on` says otherwise.
        unclean: a day on which it stands is not taken for normal by `reference adopt`.
        ends_when: what ends it, where that is no value that comes back.
        setting: key of the config that decides it, where that is no monitor of a metric.
        watches: limits on measured values that it is found by, whole models and features; others are found elsewhere.
        fires: there is a monitor that finds any; then it has a runbook.
    """

    minor: Severity
    major: Severity
    sentence: str
    fires_when: str
    only_major: bool = False
    of_labels: bool = False
    of_features: bool = False
    chart: Chart | None = None
    asks_by: Literal["drift", "performance"] | None = None
    spoils: bool = False
    blocks: bool = False
    unclean: bool = False
    ends_when: str = ""
    setting: tuple[str, ...] = ()
    watches: tuple[Watch, ...] = ()
    fires: bool = True


def listed(names: Iterable[str], last: str = "and") -> str:
    """Names as a sentence has them: "A, B and C"."""
    *rest, end = names
    return f"{', '.join(rest)} {last} {end}" if rest else end


_ROW = AlertRow

ALERTS: dict[str, AlertRow] = {
    # PSI 0.1-0.25 is to be looked at in office hours, beyond it the model is at risk. Beside the reference of another
    # version drift is what is to be cured: it makes no day unclean.
    "DataDrift": _ROW(
        "info",
        "critical",
        "Features of {where} moved away from the reference",
        "a feature's distance to the reference (PSI, KS; also {distances}) is past its threshold",
        of_features=True,
        asks_by="drift",
        watches=tuple(Watch("drift", name, Kind.FEATURE, name) for name in JUDGED),
    ),
    # the output moved: users see it
    "PredictionDrift": _ROW(
        "warning",
        "critical",
        "The predictions of {where} moved away from the reference",
        "the same for the predictions; classes by PSI",
        chart="predictions",
        asks_by="drift",
        watches=tuple(Watch("prediction", name, Kind.PREDICTION, name) for name in JUDGED),
    ),
    # the relation the model learned no longer holds
    "ConceptDrift": _ROW(
        "warning",
        "critical",
        "The outcomes that {where} predicts follow another pattern than before",
        "the error, or the precision-recall curve, has changed against the period before (`concept:`)",
        of_labels=True,
        chart="quality",
        asks_by="performance",
        unclean=True,
    ),
    # measured harm
    "PerformanceDrop": _ROW(
        "warning",
        "critical",
        "{where} performs worse than its baseline",
        "a metric of a mature window is worse than its baseline by more than its limit",
        of_labels=True,
        chart="quality",
        asks_by="performance",
        unclean=True,
    ),
    # a promise to others
    "SlaBreach": _ROW(
        "warning",
        "critical",
        "{where} misses an objective",
        'an objective (`latency_p99_ms: "< 100"`, `availability: ">= 0.999"`, `throughput`, `drift`, any label metric)'
        " is missed beyond chance",
        only_major=True,
        chart="service",
        unclean=True,
    ),
    # often a known upstream change; drift pages if it matters
    "DataQuality": _ROW(
        "info",
        "warning",
        f"Too many values of {{where}} are {listed((share.words for share in SHARES.values()), 'or')}",
        f"values that are {listed((share.words for share in SHARES.values()), 'or')} exceed the reference's own share"
        " by more than the limit, or values miss what the config allows; or (`blind_ratio`, info) something could not"
        " be judged for a day though rows came",
        of_features=True,
        spoils=True,
        blocks=True,
        unclean=True,
        watches=tuple(
            Watch(
                "quality",
                name,
                Kind.QUALITY,
                metric_of(name),
                share.meaning,
                share=True,
                usual=share.limit,
                always=share.always,
                unwatched=share.values,
                of=share.of,
                relative=True,
            )
            for name, share in SHARES.items()
        ),
    ),
    # the model works on guesses
    "FeatureStale": _ROW(
        "warning",
        "critical",
        "A feature of {where} has stopped having values while predictions go on",
        "a feature has had no value for `stale_after` while predictions go on",
        only_major=True,
        of_features=True,
        spoils=True,
        blocks=True,
        unclean=True,
        ends_when="when the feature has values again",
        setting=("quality", "stale_after"),
    ),
    # nobody is served, or nobody would know; it leaves nothing behind to learn wrongly
    "NoData": _ROW(
        "warning",
        "critical",
        "No predictions of {where}, and Kafka has none waiting",
        "no predictions for longer than the pace of the reference (by hour of the week) or of the live traffic makes"
        " likely, or for `no_data_after` where it is set; Kafka has confirmed that none are waiting",
        only_major=True,
        chart="service",
        blocks=True,
        ends_when="when predictions come again",
        setting=("quality", "no_data_after"),
    ),
    # quality is unknown, not bad
    "LabelStall": _ROW(
        "info",
        "warning",
        "Labels of {where} have stopped coming",
        "no label for `label_stall_after`, or for longer than their own gaps make likely, while predictions go on",
        only_major=True,
        of_labels=True,
        chart="quality",
        blocks=True,
        ends_when="when labels come again",
        setting=("performance", "label_stall_after"),
    ),
    # features that keep their own distributions while their relation breaks: a hint where to look
    "Anomaly": _ROW(
        "info",
        "warning",
        "{where} behaves unlike before",
        "features no longer go together as in the reference (`multivariate:`), though each may look as before",
        unclean=True,
        watches=(
            Watch("multivariate", "ratio", Kind.JOINT, RECONSTRUCTION, whole_only=True),
            Watch("multivariate", "anomalous", Kind.JOINT, ANOMALOUS, whole_only=True),
        ),
    ),
    # the cure was asked for, and has not come
    "ActionOverdue": _ROW(
        "warning",
        "critical",
        "What was asked for because of {where} is not done in time",
        "an action is not over by its `complete_by`; see [Actions](#actions)",
        only_major=True,
    ),
    # the cure was tried, and did not work
    "ActionFailed": _ROW(
        "warning",
        "critical",
        "What was asked for because of {where} has failed",
        "an action was said to have failed; see [Actions](#actions)",
        only_major=True,
    ),
}

if TYPE_CHECKING:
    AlertName = str
else:
    AlertName = Literal[tuple(ALERTS)]
    """The name of a kind."""


def _kinds(has: Callable[[AlertRow], object]) -> tuple[AlertName, ...]:
    return tuple(name for name, row in ALERTS.items() if has(row))


OF_LABELS = _kinds(lambda row: row.of_labels)
OF_FEATURES = _kinds(lambda row: row.of_features)
SPOILING = _kinds(lambda row: row.spoils)
"""Alerts whose rows a model must not learn from."""

BLOCKING = _kinds(lambda row: row.blocks)
"""While one of these fires nothing is trained: what it would learn from is wrong, or not there."""

UNCLEAN = _kinds(lambda row: row.unclean)
"""A day on which one of these stands is not taken for normal."""

OF_DRIFT = _kinds(lambda row: row.asks_by == "drift")
OF_PERFORMANCE = _kinds(lambda row: row.asks_by == "performance")
"""What the keys of `retrain:` look at."""


def of_chart(chart: Chart) -> frozenset[str]:
    """The kinds whose time a chart shades."""
    return frozenset(_kinds(lambda row: row.chart == chart))


def watches_of(section: Section) -> Iterator[tuple[AlertName, Watch]]:
    """The limits of a section of the config, each with the kind that it feeds."""
    return ((name, watch) for name, row in ALERTS.items() for watch in row.watches if watch.section == section)
