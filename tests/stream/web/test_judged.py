"""What many numbers are to their rules at once is what each is by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.plans.monitors import Monitor
from operators.settings.model import ModelSettings
from operators.tables import Kind
from stream.history.frame import Column, Frame
from stream.web.judged import Rules, judge

SIZE = 3_600_000
NUMBER = st.floats(0, 3, width=32)


@st.composite
def monitors(draw: st.DrawFn) -> Monitor:
    """Any form of rule."""
    falling, form = draw(st.booleans()), draw(st.sampled_from(["plain", "relative", "scaled"]))
    metric = draw(st.sampled_from(["psi", "availability", "missing_ratio"]))
    kind = {"psi": Kind.FEATURE, "availability": Kind.SERVICE, "missing_ratio": Kind.QUALITY}[metric]
    minor, major = draw(st.sampled_from([(None, 0.5), (0.25, None), (0.25, 0.5)]))
    return Monitor(
        "rule", "DataDrift", kind, metric, (SIZE,), minor, major, falling=falling,
        relative=form == "relative", scaled=form == "scaled",
    )  # fmt: skip


@given(monitors(), st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER | st.just(math.nan)), min_size=1, max_size=6))
def test_one_by_one_and_all_at_once_agree(monitor: Monitor, given: list[tuple[float, ...]]) -> None:
    """Level and ratios, for rules that rise and fall, that are absolute, over a baseline or a multiple of it."""
    columns = tuple(Column(str(monitor.kind), monitor.metric, "1", "", f"f{at}") for at in range(len(given)))
    rows = [(value, min(value, low), max(value, high), 500.0, base) for value, low, high, base in given]
    frame = Frame("m", "predictions", "1h", SIZE, 0, columns, np.array(rows, dtype=np.float32).T)
    rules = Rules(ModelSettings(name="m", task="binary"), 10_000)
    rules._rules = {(str(monitor.kind), monitor.metric, SIZE): [monitor]}
    (found,) = rules.evidence(frame)
    for at, column in enumerate(columns):
        reading = frame.reading(column)
        assert reading is not None
        one = judge(column, "1h", reading, monitor)
        assert int(found.level[at]) == one.level
        assert float(found.lower[at]) == pytest.approx(one.lower, rel=1e-9)
        assert float(found.value[at]) == pytest.approx(one.value, rel=1e-9)
