"""`performance:` as `init` writes it: every key with what it does, at its default; on where rows have labels."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from operators.settings.metrics import BETTER, HEADLINE, OF_TASK
from operators.settings.performance import LIMITS_OF, ConceptSettings, CurveShift, PerformanceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.config.pace import PacePlan
    from windows.outcomes.layout import Task

NOTHING: Mapping[str, str] = MappingProxyType({})


def performance_text(
    task: Task,
    *,
    on: bool = False,
    positive: str = "null",
    threshold: float = PerformanceSettings().threshold,
    windows: tuple[int, ...] | None = None,
    unfit: Mapping[str, str] = NOTHING,
    pace: PacePlan | None = None,
) -> str:
    """The lines, each a comment unless it is `on`, indented as a key of a model.

    Args:
        task: of the model.
        on: whether its rows have labels.
        positive: the positive class, as text of YAML.
        threshold: a score of at least this is a positive prediction.
        windows: those that suit the pace of the labels, ms; None for the default.
        unfit: metrics that the rows are no baseline of, and why: their rules stay comments.
        pace: what suits the traffic; None for the defaults.
    """
    start = "    " if on else "    # "
    lines = _lines(task, positive, threshold, windows, unfit, pace).splitlines()
    return "".join(f"{start}{line}".rstrip() + "\n" for line in lines)


def starting_rules(task: Task) -> dict[str, str]:
    """The rules that `init` writes where rows have labels, as YAML by metric."""
    limit = "max_ratio: 1.2" if task == "regression" else "max_drop: 0.05"
    rule = f"{{baseline: reference, {limit}}}"
    example = HEADLINE[task]
    return {"auc": rule, example: rule} if task == "binary" else {example: rule}


def _lines(
    task: Task,
    positive: str,
    threshold: float,
    windows: tuple[int, ...] | None,
    unfit: Mapping[str, str],
    pace: PacePlan | None,
) -> str:
    performance = PerformanceSettings()
    if pace is not None:
        performance = performance.model_copy(update={"label_delay": pace.label_delay, "wait": pace.wait})
    concept, curve = ConceptSettings(), CurveShift()
    levels = curve.max_shift
    return f"""\
performance:
  # windows of prediction time: a window is judged when its labels have come
  windows: {_windows(windows or performance.cohort_windows)}
  # a prediction's label has come, or will not, when it is this old: set it to how late nearly all labels come. What is
  # here only suits the pace of the predictions
  label_delay: {show_duration(performance.label_delay)}
  # ... or earlier, once this share of the predictions has one, such as  0.98
  coverage: null
  # share of its predictions that must have a label for a window to be judged, such as  0.05; with less, nothing fires
  # or clears; a rule may have its own
  min_coverage: {performance.min_coverage:g}
  # how long a prediction waits for its label; null is four label delays, at least a day; up to 120d
  keep: null
  # how long a label waits for its prediction
  wait: {show_duration(performance.wait)}
  # no feedback within this time is a negative label, such as  30m; null: silence says nothing
  negative_after: null
  # share of the predictions that are joined with labels, chosen by their id
  sample: {performance.sample:g}
  # binary: a score of at least this is a positive prediction
  threshold: {threshold:g}
  # binary: the positive class, where labels are text
  positive: {positive}
  # ranking: how many of the ranked items count
  k: {performance.k}
  # regression: an error up to this is none, for within_tolerance
  tolerance: null
  # segment keys whose combinations are watched too, such as  [[country, device]]
  cross: []
  # no label for this long, while predictions go on; null is label_delay, from 15m to 2d, and longer where the labels'
  # own gaps are (before the first label those of predictions, and 7d at most until 17 gaps are known)
  label_stall_after: null
  # length of the baseline `trailing`, which ends where the window begins; null is 14d, at least two windows
  trailing: null
  # when what the model learned holds no more: a rule on the error, {{baseline: trailing, max_ratio: 1.5}};
  # the precision-recall curve of a recent period against the one before (binary);
  # ADWIN and Page-Hinkley as second opinions: off, evaluate or alert
  concept:
    error: null
    curve: null  # {{recent: {show_duration(curve.recent)}, before: {show_duration(curve.before)}, \
max_shift: {{minor: {levels.minor:g}, major: {levels.major:g}}}}}
    detectors: {concept.detectors}
  # A metric with a rule, or a list of rules. A limit is a number, or {{minor: 0.02, major: 0.05}}.
  # baseline: a number, reference (its labelled rows), trailing, version (the one with most traffic) or {{shift: 364d}}
  # Beside the limit: window (one instead of all), trailing, segments (true or false: whether each is judged).
{_metrics(task, unfit)}"""


def _metrics(task: Task, unfit: Mapping[str, str]) -> str:
    """Each metric of the task, grouped by the limits that it may have."""
    lines = []
    for better, limits in LIMITS_OF.items():
        names = [name for name in OF_TASK[task] if BETTER[name] == better]
        if names:
            lines.append(f"  # with {' or '.join(limits)}: {', '.join(names)}\n")
    if task == "binary":
        lines.append(
            "  # where one class is rare, accuracy says little: who always names the other is right nearly always\n"
        )
    for metric, rule in starting_rules(task).items():
        lines.append(f"  # {metric}: {rule}  # {unfit[metric]}\n" if metric in unfit else f"  {metric}: {rule}\n")
    return "".join(lines)


def _windows(windows: tuple[int, ...]) -> str:
    return f"[{', '.join(show_duration(window) for window in windows)}]"
