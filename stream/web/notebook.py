"""Two data frames side by side, as the page would show them: for a notebook, without a config and without Kafka.

    from stream.web.notebook import report
    report(train, last_week)                      # shows itself as the last line of a cell
    report(train, last_week).save("drift.html")

Everything is measured by what the monitor measures with: the bins of the reference, distances with intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from operators.plans.model import plan_models
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.errors import UsageError
from stream.files import write_atomically
from stream.history.frame import frame_of
from stream.history.tiers import DAY
from stream.metrics.looks import looked_at
from stream.references.build import BuildOptions, build
from stream.rows.arrays import categories, numbers
from stream.rows.columns import SPECIAL, Column
from stream.web.html import Html, tag
from stream.web.judged import ranked
from stream.web.knowledge import Knowledge, Span
from stream.web.site import asset
from stream.web.views.feature import feature_page
from stream.web.views.frames import summary_section
from stream.web.views.parts import Links, anchor
from stream.web.views.scopes import scoped
from stream.web.views.shell import Page, document
from windows.panes import Window
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from operators.alerts.event import AlertEvent
    from operators.plans.model import ModelPlan
    from stream.history.archive import Stored
    from stream.history.frame import Frame, Source
    from windows.arrays import IntArray
    from windows.predictions.layout import Field

MODEL, VERSION = "frames", "current"
TIMES = ("timestamp",)
MOST_FEATURES = 60
"""Features with pictures of their own."""


class _Rows:
    """An Arrow table as a build reads rows."""

    path = Path("reference")

    def __init__(self, table: pa.Table, features: Sequence[str]) -> None:
        self._table = table
        self.columns = tuple(Column(name, _kind(table.schema.field(name).type)) for name in features)

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """In parts."""
        for batch in self._table.select(list(names)).combine_chunks().to_batches(65_536):
            yield batch, 1.0


def _kind(kind: pa.DataType) -> Any:
    numbers_ = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return "number" if numbers_ else "category"


@dataclass(frozen=True, slots=True)
class _Past:
    """One window, measured once."""

    frame: Frame
    held: IntArray

    def latest(self, model: str) -> tuple[Frame, ...]:
        """See Past."""
        return (self.frame,) if model == MODEL else ()

    def series(self, model: str, source: Source, size: int, since: int, until: int) -> tuple[Frame, ...]:
        """See Past."""
        del size, since, until
        return self.latest(model) if source == "predictions" else ()

    def counts(self, model: str, size: int) -> Mapping[str, IntArray]:
        """See Past."""
        del model, size
        return {VERSION: self.held}

    def sketches(self, model: str, since: int, until: int) -> list[Stored]:
        """See Past."""
        del model, since, until
        return []

    def events(self) -> tuple[AlertEvent, ...]:
        """See Past."""
        return ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two data frames are to each other.

    Attributes:
        html: the report, one file that needs nothing else.
        drifted: features of which the whole interval of a distance is past its threshold, the surest first.
        distances: feature -> metric -> (value, lower, upper).
    """

    html: str
    drifted: tuple[str, ...]
    distances: dict[str, dict[str, tuple[float, float, float]]]

    def save(self, path: str | Path) -> None:
        """Write the report.

        Raises:
            UsageError: it cannot be written.
        """
        write_atomically(Path(path), self.html.encode(errors="replace"))

    def _repr_html_(self) -> str:
        """How a notebook shows it: in a frame of its own, so that styles stay apart."""
        return f'<iframe srcdoc="{escape(self.html)}" width="100%" height="900" frameborder="0"></iframe>'


def report(reference: Any, current: Any, *, columns: Sequence[str] | None = None) -> Comparison:
    """Compare two data frames.

    Args:
        reference: rows that were fine: a pandas or polars DataFrame, a pyarrow Table, or a mapping of columns.
        current: rows to hold against them, with the same columns.
        columns: which to compare; all that both have, but those with times or ids, where nothing is said.

    Raises:
        UsageError: there is nothing to compare.
    """
    before, now = _table(reference), _table(current)
    names = _shared(before, now, columns)
    built = build(_Rows(before, names), BuildOptions(MODEL, chosen=tuple(names))).reference
    windows = {"windows": ["1d"]}
    kinds = dict.fromkeys(("drift", "prediction", "quality"), windows)
    settings = ModelSettings.model_validate({"name": MODEL, "task": "regression", **kinds})
    time = TimeSettings.model_validate({"pane": "1d"})
    plan = plan_models([settings], {MODEL: built}, time, AlertingSettings(), everything=True)[MODEL]
    vector = _counted(plan, now)
    past = _Past(_measured(plan, vector), vector)
    return _compared(Knowledge({MODEL: plan}, past), past.frame, before.num_rows, now.num_rows)


def _table(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if hasattr(frame, "columns") and hasattr(frame, "dtypes"):
        return pa.Table.from_pandas(frame, preserve_index=False)
    try:
        return pa.table({str(name): pa.array(values, from_pandas=True) for name, values in dict(frame).items()})
    except (TypeError, ValueError, pa.ArrowInvalid) as error:
        raise UsageError(f"a DataFrame, a pyarrow Table or a mapping of columns is needed: {error}") from None


def _shared(before: pa.Table, now: pa.Table, wanted: Sequence[str] | None) -> list[str]:
    """The columns to compare."""
    if wanted is not None:
        lacking = [name for name in wanted if name not in before.column_names or name not in now.column_names]
        if lacking:
            raise UsageError(f"columns {', '.join(lacking)} are not in both frames")
        return list(wanted)
    plain = [
        name
        for name in before.column_names
        if name in now.column_names
        and name not in set(SPECIAL) - {"prediction", "label", "latency_ms"}
        and not pa.types.is_temporal(before.schema.field(name).type)
        and not pa.types.is_nested(before.schema.field(name).type)
    ]
    if not plain:
        raise UsageError("the two frames have no column of numbers or categories in common")
    return plain


def _counted(plan: ModelPlan, table: pa.Table) -> IntArray:
    """The rows as a vector of the layout; moments are not needed."""
    layout = plan.layout
    vector = layout.empty()
    for field in layout.features:
        column = table.column(field.name).combine_chunks()
        vector[field.start : field.stop] = np.bincount(_slots(field, column), minlength=field.stop - field.start)
    vector[layout.rows] = table.num_rows
    return vector


def _slots(field: Field, column: pa.Array) -> IntArray:
    """The slot of each value, within the field."""
    profile = field.profile
    if isinstance(profile, NumericProfile):
        values, bins = numbers(column), len(profile.counts)
        slots = np.searchsorted(profile.edges, values, side="right").astype(np.int64)
        return np.where(np.isnan(values), bins + 2, np.where(np.isinf(values), bins + 3, slots))
    codes, names = categories(column)
    index = {name: at for at, name in enumerate(profile.categories)}
    other = len(profile.categories)
    table = np.array([*(index.get(name, other) for name in names), other + 1], dtype=np.int64)
    return table[codes]


def _measured(plan: ModelPlan, vector: IntArray) -> Frame:
    window = Window(DAY, DAY)
    measure = Measure(MeasureConfig(plan.layout, plan.reference, plan.alpha, plan.plans))
    measures = measure(WindowTotals(MODEL, window, 0, {(VERSION, ""): vector}, None))
    tables = tuple(table for table in measures.tables if table.metric not in {"mean", "std"})
    return frame_of(looked_at(MODEL, "predictions", "rows", DAY, DAY, tables))


def _compared(knowledge: Knowledge, frame: Frame, before: int, now: int) -> Comparison:
    numbers_ = [
        one
        for one in knowledge.rules(MODEL).judged(frame)
        if one.column.kind in {"feature", "quality"} and one.column.feature
    ]
    movers = ranked(numbers_)
    drifted = tuple(mover.feature for mover in movers if mover.strongest.level)
    links, span = Links(inside=True), Span(VERSION, 0, DAY)
    pages = [
        tag(
            "div",
            scoped(feature_page(knowledge, MODEL, one.feature, span, links=links).main, one.feature),
            id=anchor(MODEL, one.feature),
        )
        for one in movers[:MOST_FEATURES]
    ]
    main = tag("div", summary_section(knowledge, movers, drifted, (before, now), span), pages, class_="page report")
    style = tag("style", Html(asset("style.css").decode()))
    html = document(Page("Two data frames", main), head=style, live=False)
    distances: dict[str, dict[str, tuple[float, float, float]]] = {}
    for column, reading in frame.readings():
        if column.kind == "feature":
            distances.setdefault(column.feature, {})[column.metric] = (reading.value, reading.lower, reading.upper)
    return Comparison(html, drifted, distances)
