"""Settings of `performance:`: how labels come, over which cohorts quality is measured, and what is too bad."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.durations import UNITS, Millis, from_to, show_duration
from operators.settings.metrics import BETTER, LABEL_METRICS, WITHIN_ONE, LabelMetric
from operators.settings.parts import (
    ClassName,
    Levels,
    Name,
    Number,
    Ratio,
    Settings,
    Share,
    Whole,
    Window,
    Windows,
    distinct,
    unfit,
)

MAX_KEEP = 120 * UNITS["d"]
MAX_RULES = 8
MAX_CROSS = 4
BASELINES = ("reference", "trailing", "version")
BASELINE = "a number, reference, trailing, version, or {shift: 364d}"

LIMITS = ("max_drop", "max_drop_ratio", "max_rise", "max_ratio", "max_change")
LIMITS_OF: dict[str, tuple[str, ...]] = {
    "high": ("max_drop", "max_drop_ratio"),
    "low": ("max_rise", "max_ratio"),
    "neither": ("max_change",),
}
"""The limits that make sense where high, low or neither is good."""


def _as_levels(given: Any) -> Any:
    """A plain number is the major level."""
    if isinstance(given, int | float | str) and not isinstance(given, bool):
        return {"major": given}
    return given


Limit = Annotated[Levels, BeforeValidator(_as_levels)]


class Baseline(Settings):
    """What a metric is compared with.

    Attributes:
        kind: a constant, the reference's labelled rows, the period before the window, the version with most traffic
            over the same window, or the same window some time ago.
        value: of a constant.
        shift: how long ago, ms.
    """

    kind: Literal["constant", "reference", "trailing", "version", "shift"]
    value: float | None = None
    shift: Annotated[Millis, from_to(1)] | None = None


def _baseline(given: Any) -> Any:
    if isinstance(given, Baseline):
        return given
    if isinstance(given, str) and given in BASELINES:
        return Baseline(kind=given)  # type: ignore[arg-type]
    if isinstance(given, dict) and given.keys() == {"shift"}:
        return {"kind": "shift", **given}
    try:
        number = math.nan if isinstance(given, bool | dict | list) or given is None else float(given)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PydanticCustomError("baseline", BASELINE)
    return Baseline(kind="constant", value=number)


class Rule(Settings):
    """One limit of one metric. A limit is a number (the major level) or {minor, major}.

    Attributes:
        baseline: what the metric is compared with.
        max_drop: how far it may be below, in its own unit.
        max_drop_ratio: how far it may be below, as a share of the baseline.
        max_rise: how far it may be above, in its own unit.
        max_ratio: how many times the baseline it may be.
        max_change: how far it may be from the baseline to either side.
        window: the window it is judged over; None for all of `performance.windows`.
        trailing: length of the trailing baseline; None for `performance.trailing`.
        segments: whether segments are judged one by one; None for yes, but not against a constant or the reference,
            which hold for the whole.
        min_coverage: label coverage below which it is not judged; None for `performance.min_coverage`.
    """

    baseline: Annotated[Baseline, BeforeValidator(_baseline)] = Baseline(kind="reference")
    max_drop: Limit | None = None
    max_drop_ratio: Limit | None = None
    max_rise: Limit | None = None
    max_ratio: Limit | None = None
    max_change: Limit | None = None
    window: Window | None = None
    trailing: Window | None = None
    segments: bool | None = None
    min_coverage: Share | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        given = [name for name in LIMITS if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError("rule", "exactly one of {limits}", {"limits": ", ".join(LIMITS)})
        if self.max_ratio is not None and min(_given(self.max_ratio)) <= 1:
            raise unfit("max_ratio", "above 1 is needed: it multiplies the baseline")
        if self.max_drop_ratio is not None and max(_given(self.max_drop_ratio)) >= 1:
            raise unfit("max_drop_ratio", "below 1 is needed: it is a share of the baseline")
        if self.trailing is not None and self.baseline.kind != "trailing":
            raise unfit("trailing", "`baseline: trailing` is needed beside it: this is the length of it")
        return self

    @property
    def form(self) -> str:
        """Which limit is set."""
        return next(name for name in LIMITS if getattr(self, name) is not None)

    @property
    def levels(self) -> Levels:
        """The limit."""
        levels: Levels = getattr(self, self.form)
        return levels

    @property
    def of_segments(self) -> bool:
        """Whether segments are judged: where the baseline is of the whole, a hard segment would never meet it."""
        return self.baseline.kind not in {"constant", "reference"} if self.segments is None else self.segments


def _given(levels: Levels) -> list[float]:
    return [level for level in (levels.minor, levels.major) if level is not None]


def _as_rules(given: Any) -> Any:
    """One rule stands for a list of one."""
    return [given] if isinstance(given, dict | Rule) else given


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_as_rules), Field(min_length=1, max_length=MAX_RULES)]


class CurveShift(Settings):
    """The precision-recall curve of a recent period against that of the period before it, both mature.

    Attributes:
        recent: length of the recent period.
        before: length of the period before it.
        max_shift: how far the curves may be apart; see windows.outcomes.difference.
    """

    recent: Window = 30 * UNITS["d"]
    before: Window = 60 * UNITS["d"]
    max_shift: Annotated[Levels, BeforeValidator(_as_levels)] = Levels(minor=0.05, major=0.1)


class ConceptSettings(Settings):
    """When the relation that the model learned no longer holds.

    Attributes:
        error: rule on the error: 1 - accuracy, mae, or 1 - ndcg, by task.
        curve: shift of the precision-recall curve; for a binary task only.
        detectors: ADWIN and Page-Hinkley on the error of one slice of cohorts after the other: off, evaluations only,
            or an alert of the minor level.
    """

    error: Rules | None = None
    curve: CurveShift | None = None
    detectors: Literal["off", "evaluate", "alert"] = "evaluate"


if TYPE_CHECKING:
    _RulesByMetric = Settings
else:
    _RulesByMetric = create_model(
        "_RulesByMetric", __base__=Settings, **dict.fromkeys(LABEL_METRICS, (Rules | None, None))
    )
    """A key for each metric that needs feedback."""


class PerformanceSettings(_RulesByMetric):
    """How labels come and what quality is asked for. Windows are of prediction time: cohorts.

    Attributes:
        windows: the windows of cohorts that metrics are measured over; None for 1h and 7d, or where labels come later
            than two days 1d and 7d, than thirty days 7d and 28d.
        label_delay: a cohort is mature when it is this old.
        coverage: ... or earlier, once this share of it has labels; None for by age alone.
        min_coverage: share of its predictions that must have a label for a window to be judged: those few that are
            labelled at once are no fair sample of all.
        keep: how long a prediction waits for labels; None for four label delays, at least a day.
        wait: how long a label waits for its prediction.
        negative_after: no feedback within this time is a negative label; None for no implicit feedback.
        sample: share of predictions that are joined with labels, chosen by the hash of their id.
        threshold: a score of at least this is a positive prediction.
        positive: name of the positive class where labels or predictions are text.
        k: how many of the ranked items count.
        tolerance: an error up to this is none (within_tolerance).
        cross: segment keys whose combinations are watched too.
        label_stall_after: no label for this long, while predictions go on; None for label_delay, from 15m to 2d, or
            longer, as the labels' own gaps are (see operators.judging.stall).
        trailing: length of the trailing baseline, just before the window; None for 14d, at least two windows.
        concept: see ConceptSettings.

    All other keys are metrics, each with a rule or a list of rules.
    """

    windows: Windows | None = None
    label_delay: Annotated[Millis, from_to(0, MAX_KEEP)] = UNITS["h"]
    coverage: Ratio | None = None
    min_coverage: Share = 0.0
    keep: Annotated[Millis, from_to(UNITS["m"], MAX_KEEP)] | None = None
    wait: Annotated[Millis, from_to(0, UNITS["d"])] = 10 * UNITS["m"]
    negative_after: Annotated[Millis, from_to(1, MAX_KEEP)] | None = None
    sample: Ratio = 1.0
    threshold: Annotated[Number, Field(gt=0, lt=1)] = 0.5
    positive: ClassName | None = None
    k: Annotated[Whole, Field(ge=1, le=1_000)] = 10
    tolerance: Annotated[Number, Field(gt=0)] | None = None
    cross: Annotated[
        tuple[Annotated[tuple[Name, ...], Field(min_length=2, max_length=3), AfterValidator(distinct)], ...],
        Field(max_length=MAX_CROSS),
        AfterValidator(distinct),
    ] = ()
    label_stall_after: Annotated[Millis, from_to(1)] | None = None
    trailing: Window | None = None
    concept: ConceptSettings = ConceptSettings()

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        silence = self.negative_after or 0
        if self.label_delay < silence:
            need = "at least negative_after ({other}) is needed: until then only positives come"
            raise unfit("label_delay", need, other=show_duration(silence))
        for key, least in (("label_delay", self.label_delay), ("negative_after", silence)):
            if self.kept_for < least:
                need = "at least {key} ({other}) is needed: later labels would find no prediction"
                raise unfit("keep", need, key=key, other=show_duration(least))
        return self

    @property
    def rules(self) -> dict[LabelMetric, tuple[Rule, ...]]:
        """The rules by metric."""
        found: dict[LabelMetric, tuple[Rule, ...]] = {}
        for metric in LABEL_METRICS:
            rules: tuple[Rule, ...] | None = getattr(self, metric)
            if rules is not None:
                found[metric] = rules
        return found

    @property
    def cohort_windows(self) -> tuple[int, ...]:
        """The windows, ms: a window is not much shorter than the time that its labels take."""
        hour, day = UNITS["h"], UNITS["d"]
        if self.windows is not None:
            return self.windows
        if self.label_delay <= 2 * day:
            return hour, 7 * day
        return (day, 7 * day) if self.label_delay <= 30 * day else (7 * day, 28 * day)

    @property
    def kept_for(self) -> int:
        """How long (ms) a prediction waits for labels."""
        longest = max(self.label_delay, self.negative_after or 0)
        return self.keep if self.keep is not None else min(max(UNITS["d"], 4 * longest), MAX_KEEP)

    @property
    def stalls_after(self) -> int:
        """No label for this long (ms) is a stall.

        Labels of one moment's predictions come within label_delay, so in a steady state hardly a label delay passes
        without any; where they come late they often come in daily batches, so two days is long enough for all.
        """
        if self.label_stall_after is not None:
            return self.label_stall_after
        return min(max(self.label_delay, 15 * UNITS["m"]), 2 * UNITS["d"])


def misfit(metric: LabelMetric, rule: Rule) -> str | None:
    """What is allowed instead, where a rule's limit does not suit the metric's direction; None where it does."""
    allowed = LIMITS_OF[BETTER[metric]]
    if rule.form in allowed:
        beyond = metric in WITHIN_ONE and rule.form in {"max_drop", "max_rise", "max_change"}
        if beyond and max(_given(rule.levels)) >= 1:
            return f"{rule.form} below 1 is needed: {metric} is between 0 and 1, and five points are 0.05"
        return None
    good = {"high": "high values are good", "low": "low values are good", "neither": "neither way is better"}
    return f"{' or '.join(allowed)} is needed: {good[BETTER[metric]]}"
