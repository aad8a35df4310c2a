"""What the page and its history cost: the dataflow's share, the page's weight and time, the file's size.

    python load_tests/page.py [--models N] [--features N]

LOOKS: CPU time of sliding and measuring the windows of a model with and without telling pages of them (sketches,
looks, pickling for the pipe to the parent), side by side. PARENT: CPU time of taking that in. PAGES: time to make each
page and its bytes, plain and compressed. HISTORY: bytes of a model and day on disk, from a look of every window each
minute.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import pickle
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import show
from state import reference

from operators.model_steps import measure_of
from operators.plans.model import plan_models
from operators.predictions.ring import Rings, RingState
from operators.predictions.slices import Slice
from operators.predictions.slide import MeasureMoved, Slide
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.history.archive import Archive
from stream.history.history import History
from stream.history.recent import Recent
from stream.history.recorder import Recorder
from stream.history.tiers import DAY
from stream.history.tiles import layouts_of
from stream.metrics.exports import Exports, of_looks
from stream.web.knowledge import Knowledge
from stream.web.site import Site
from windows.predictions.layout import reference_vector

if TYPE_CHECKING:
    from operators.plans.model import ModelPlan
    from stream.metrics.reports import Report
    from windows.arrays import IntArray

RNG = np.random.default_rng(5)
ROWS = 20_000
"""Predictions a pane."""


def plans_of(models: int, features: int) -> dict[str, ModelPlan]:
    """Models with the default windows."""
    names = [f"model-{at:03}" for at in range(models)]
    settings = [ModelSettings(name=name, task="regression") for name in names]
    references = {name: reference(name, features) for name in names}
    return plan_models(settings, references, TimeSettings(), AlertingSettings(), everything=False)


def vector(plan: ModelPlan, *, shifted: bool = False) -> IntArray:
    """A pane of traffic like the reference; `shifted`: its first feature is not."""
    base = reference_vector(plan.layout, plan.reference)
    if base is None:
        raise ValueError("the reference has no counts")
    drawn = RNG.poisson(base * (ROWS / plan.reference.rows)).astype(np.int64)
    drawn[plan.layout.latency : plan.layout.latency + 400] = 0
    drawn[plan.layout.latency + 200] = ROWS
    if shifted:
        field = plan.layout.features[0]
        drawn[field.start + 20 : field.stop - 4] = drawn[field.start : field.stop - 24]
    drawn[plan.layout.rows] = ROWS
    drawn[plan.layout.moments :][: plan.layout.latency - plan.layout.moments] = 0
    return drawn


class Model:
    """The windows of one model, pane by pane."""

    def __init__(self, plan: ModelPlan, *, sketches: bool) -> None:
        measure = measure_of(plan)
        self.measure = MeasureMoved({plan.layout.model: measure})
        self.plan = plan
        self.slides = {
            window: Slide(Rings(plan.layout, RingState()), measure, sketches=sketches) for window in plan.windows
        }
        self.exports = Exports.of({plan.layout.model: plan})

    def pane(self, index: int, content: IntArray) -> list[Report]:
        """What pages are told of a pane; every window slides with it."""
        told: list[Report] = []
        for window, slide in self.slides.items():
            for found in self.measure(slide([Slice(window, index, {("1", ""): content}, None)])):
                told += of_looks(found) if slide.sketches else []
        return told


def looks(plan: ModelPlan, panes: int) -> None:
    """Print what telling pages adds to the windows of a model."""
    contents = [vector(plan) for _ in range(20)]
    quiet, telling = Model(plan, sketches=False), Model(plan, sketches=True)
    spent, size = {False: 0.0, True: 0.0}, 0
    recent, taken, reports = Recent(), 0.0, 0
    for index in range(panes):
        for shown, model in ((False, quiet), (True, telling)):
            began = time.process_time()
            told = model.pane(index, contents[index % 20])
            sent = pickle.dumps(told, protocol=5) if shown else b""
            spent[shown] += time.process_time() - began
            if shown:
                began = time.process_time()
                for report in pickle.loads(sent):
                    recent.take(report)
                taken += time.process_time() - began
                size, reports = len(sent), reports + len(told)
    plain, full = (1e6 * spent[shown] / panes for shown in (False, True))
    print(f"LOOKS    a pane of {len(plan.layout.features)} features, {len(plan.windows)} windows, all sliding:")
    more = f"+{full - plain:,.0f} us, {full / plain - 1:.1%}"
    print(f"         {plain:,.0f} us without, {full:,.0f} us with telling pages ({more})")
    print(f"         {size / 1e3:,.0f} KB over the pipe")
    print(f"PARENT   {1e6 * taken / panes:,.0f} us to take it in")


def pages(plans: dict[str, ModelPlan], panes: int) -> None:
    """Print weight and time of each page."""
    recent = Recent()
    for at, (name, plan) in enumerate(plans.items()):
        model = Model(plan, sketches=True)
        for index in range(panes):
            for report in model.pane(index, vector(plan, shifted=at == 7 and index > panes // 2)):
                recent.take(report)
        del name
    site = Site(Knowledge(plans, History(recent, None)), itertools.count().__next__)
    name = list(plans)[7]
    feature = plans[name].layout.features[0].name
    print(f"PAGES    {len(plans)} models x {len(plans[name].layout.features)} features, {panes} panes in memory")
    for target in ("/", f"/models/{name}", f"/models/{name}/features/{feature}", "/api/v1/state", "/api/v1/models",
                   "/assets/style.css", "/assets/page.js"):  # fmt: skip
        site(target)
        began = time.process_time()
        answer = site(target)
        took = time.process_time() - began
        if answer is None:
            raise LookupError(target)
        packed = len(gzip.compress(answer.body, 1))
        print(
            f"         {target:42} {1e3 * took:7.1f} ms {len(answer.body) / 1e3:9,.1f} KB, {packed / 1e3:7,.1f} KB gzip"
        )


def history(plan: ModelPlan, directory: Path, days: int) -> None:
    """Print the bytes of a model and day, by days kept."""
    archive = Archive(directory / "history.sqlite")
    recorder = Recorder(Recent(), archive, layouts_of({plan.layout.model: plan}))
    model = Model(plan, sketches=True)
    start, minute = 20_000 * DAY, 60_000
    contents = [vector(plan) for _ in range(50)]
    told = [model.pane(index, contents[index % 50]) for index in range(400)][-50:]
    spent = 0.0
    for day in range(days):
        for at in range(24 * 60):
            end = start + day * DAY + (at + 1) * minute
            for report in told[at % 50]:
                recorder(_moved(report, end))
            if recorder.waiting > 2_000:
                began = time.process_time()
                recorder.flush()
                spent += time.process_time() - began
        recorder.flush(everything=True)
        if day + 1 in {1, 2, 7, 30, days}:
            size = archive.size()
            print(
                f"         after {day + 1:3} days {size / 1e6:7.2f} MB, {size / (day + 1) / 1e3:8,.0f} KB a model-day"
            )
    print(f"         {spent / days:.1f} s of CPU a day to write")


def _moved(report: Report, end: int) -> Report:
    """The same at another time."""
    from dataclasses import replace  # noqa: PLC0415 - beside its only use

    from stream.metrics.reports import Looked, Sketched  # noqa: PLC0415 - likewise

    if isinstance(report, Looked):
        return replace(report, end=end)
    if not isinstance(report, Sketched):
        raise TypeError(report)
    window = report.sketch.window
    return Sketched(replace(report.sketch, index=end // window.slide - 1))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--panes", type=int, default=60)
    parser.add_argument("--days", type=int, default=30)
    given = parser.parse_args()
    show()
    plans = plans_of(given.models, given.features)
    one = next(iter(plans.values()))
    looks(one, given.panes)
    pages(plans, given.panes)
    for features in (10, given.features):
        (plan,) = plans_of(1, features).values()
        print(f"HISTORY  one model of {features} features, {len(plan.windows)} windows, each looked at every minute")
        with tempfile.TemporaryDirectory() as made:
            history(plan, Path(made), given.days)


if __name__ == "__main__":
    main()
