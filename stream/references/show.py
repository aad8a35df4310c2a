"""A reference drawn in the terminal: a histogram per column, what is missing, the segments."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stream.config.problems import one_line, shorten
from windows.arrays import IntArray
from windows.estimates.estimate import Estimates
from windows.estimates.estimator import Estimator
from windows.outcomes.layout import TaskOptions, task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import Reference
from windows.references.seasons import Seasons
from windows.sketches.edges import TOLERANCE, single_valued
from windows.sketches.profiles import CategoricalProfile, NumericProfile, Profile
from windows.sketches.quantiles import quantile
from windows.values import AS_IT_IS, Reading

BAR_CELLS = 40
SHOWN_CATEGORIES = 10
SHOWN_METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("accuracy", "precision", "recall", "auc"),
    "multiclass": ("accuracy", "macro_f1"),
    "regression": ("mae", "rmse"),
    "ranking": ("ndcg", "mrr"),
}
"""What the labels of a reference are summed up as, by task."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def drawing(reference: Reference, only: tuple[str, ...] = ()) -> RenderableType:
    """All of the reference, or only the columns named."""
    parts: list[RenderableType] = [_head(reference)]
    for name, profile in reference.features.items():
        if not only or name in only:
            title = _title(name, profile, reference.rows, reference.readings.get(name, AS_IT_IS))
            parts += [Text(), title, _histogram(profile, reference.rows)]
    if reference.prediction is not None and (not only or "prediction" in only):
        title = _title("prediction", reference.prediction, reference.rows)
        parts += [Text(), title, _histogram(reference.prediction, reference.rows)]
    if reference.segments and not only:
        parts += [Text(), *_segments(reference)]
    return Group(*parts)


def _head(reference: Reference) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_row("model", Text(_label(reference.model), style="bold"))
    table.add_row("rows", f"{reference.rows:,} and {reference.error_rows:,} failed")
    if reference.start is not None and reference.end is not None:
        table.add_row("time", f"{_time(reference.start)} to {_time(reference.end)}")
    if reference.latency is not None:
        p50, p95, p99 = (quantile(reference.latency, q) for q in (0.5, 0.95, 0.99))
        table.add_row("latency", f"p50 {p50:.3g} ms, p95 {p95:.3g} ms, p99 {p99:.3g} ms")
    if reference.task is not None and reference.outcomes is not None:
        table.add_row("labels", _labels(reference.task, reference.outcomes, reference.prediction))
        table.add_row("estimates", "none" if reference.estimator is None else _estimates(reference.estimator))
    if reference.seasons is not None:
        table.add_row("season", _season(reference.seasons))
    table.add_row("id", reference.id)
    for note in reference.notes:
        table.add_row("note", escape(one_line(note)))
    return table


def _season(seasons: Seasons) -> str:
    """The classes of hours, with their rows."""
    each = [f"{name} ({counts.rows:,})" for name, counts in zip(seasons.names, seasons.classes, strict=True)]
    return f"{len(each)} classes of hours, {seasons.clock.zone.name}: {'; '.join(each)}"


def _labels(task: TaskOptions, outcomes: IntArray, prediction: Profile | None) -> str:
    """How many labels there are, and what they say."""
    layout = task_layout(task, prediction)
    found = task_metrics(layout, outcomes[None, :], 0.05, SHOWN_METRICS[task.task])
    shown = [f"{name} {float(found[name].value[0]):.4g}" for name in SHOWN_METRICS[task.task]]
    return f"{int(outcomes[layout.labelled]):,}: {', '.join(shown)}"


def _estimates(estimator: Estimator) -> str:
    """What performance without labels rests on."""
    return f"from {Estimates(estimator).labelled:,} labelled rows"


def _title(name: str, profile: Profile, rows: int, reading: Reading = AS_IT_IS) -> Text:
    title = Text(_label(name), style="bold")
    missing = f"missing {_percent(profile.missing, rows)}"
    if isinstance(profile, NumericProfile):
        facts = f"numeric, mean {profile.mean:.6g}, sd {_deviation(profile):.6g}, {_bins(profile)}, {missing}"
        if profile.non_finite:
            facts += f", infinite {_percent(profile.non_finite, rows)}"
    else:
        facts = f"categorical, {len(profile.categories)} named, {missing}"
    if reading.missing:
        facts += f", read as missing: {', '.join(map(repr, reading.missing))}"
    if reading.resolution is not None:
        facts += f", to multiples of {reading.resolution:g}"
    if profile.overdispersion is not None:
        facts += f", overdispersion {profile.overdispersion:.3g}"
    if profile.day_correlation:
        facts += f", correlation within a day {profile.day_correlation:.2g}"
    return title.append(f"  {facts}", style="dim")


def _deviation(profile: NumericProfile) -> float:
    """The standard deviation: that of a constant is 0, where the profile has the 1 that distances are scaled by."""
    constant = len(profile.counts) == 1 and bool(single_valued(profile.edges)[0])
    return 0.0 if constant else profile.deviation


def _bins(profile: NumericProfile) -> str:
    return f"{len(profile.counts)} bin{'s' if len(profile.counts) > 1 else ''}"


def _histogram(profile: Profile, rows: int) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(width=BAR_CELLS)
    table.add_column(justify="right")
    bars = list(_numeric_bars(profile) if isinstance(profile, NumericProfile) else _category_bars(profile))
    longest = max((count for _, count in bars), default=0)
    for label, count in bars:
        table.add_row(escape(_label(label)), Text(bar(count, longest), style="cyan"), _percent(count, rows))
    return table


def _numeric_bars(profile: NumericProfile) -> Iterator[tuple[str, int]]:
    for coarse in range(int(profile.coarse[-1]) + 1):
        inside = np.flatnonzero((profile.coarse == coarse) & (profile.counts > 0))
        inside = inside if len(inside) else np.flatnonzero(profile.coarse == coarse)
        low, high = profile.edges[inside[0]], profile.edges[inside[-1] + 1]
        single = bool(single_valued(np.array([low, high]))[0])
        label = _short(low / 2 + high / 2) if single else f"{_short(low)} to {_short(high)}"
        yield label, int(profile.counts[inside].sum())


def _short(edge: float) -> str:
    """An edge for people: it lies next to a value of the rows, which has fewer digits."""
    return min((f"{edge * (1 + way * TOLERANCE):.6g}" for way in (0, 1, -1)), key=len)


def _category_bars(profile: CategoricalProfile) -> Iterator[tuple[str, int]]:
    counts = profile.counts.tolist()
    yield from zip(profile.categories[:SHOWN_CATEGORIES], counts, strict=False)
    more = len(counts) - SHOWN_CATEGORIES
    if more > 0:
        yield f"{more} more named", sum(counts[SHOWN_CATEGORIES:])
    if profile.other:
        yield "other", profile.other


def bar(count: int, longest: int) -> str:
    """A bar of at most BAR_CELLS cells, in eighths of a cell; any count above 0 is seen."""
    if count == 0 or longest == 0:
        return ""
    eighths = max(round(count * BAR_CELLS * 8 / longest), 1)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _segments(reference: Reference) -> Iterator[RenderableType]:
    for key, values in reference.segments.items():
        named = [f"{_label(value)} {_percent(counts.rows, reference.rows)}" for value, counts in values.items()]
        yield Text(f"segment {_label(key)}", style="bold").append(f"  {', '.join(named)}", style="dim")


def _percent(count: int, rows: int) -> str:
    return f"{100 * count / rows:.2f} %" if rows else "0 %"


def _label(text: str) -> str:
    return one_line(shorten(text))


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
