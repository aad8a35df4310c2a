"""The steps of one model after the fold, in one process and without Bytewax: panes in, alert events out.

What `operators/model_steps.py` builds is driven as it is; only JSON and the bridges between the steps are left out.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.alerts.event import AlertEvent
from operators.model_steps import (
    alert_step,
    close_step,
    judge_step,
    measure_of,
    slices_step,
    slide_step,
    trail_step,
)
from operators.plans.model import plan_models
from operators.predictions.fold import Partial
from operators.predictions.slices import Header, TrailSlice
from operators.predictions.slide import MeasureMoved
from operators.progress import Progress
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings

if TYPE_CHECKING:
    from operators.settings.model import ModelSettings
    from operators.trailing.trail import TrailState
    from windows.arrays import BoolArray, FloatArray
    from windows.references.reference import Reference
    from windows.ring import Groups


class ColumnsRun:
    """One model with the default config of time and alerting, fed pane by pane.

    Args:
        settings: the model.
        reference: its reference.
        time: panes and lateness.
        alerting: the promise on false pages, and how alerts behave.
    """

    def __init__(
        self,
        settings: ModelSettings,
        reference: Reference,
        time: TimeSettings | None = None,
        alerting: AlertingSettings | None = None,
    ) -> None:
        time, alerting = time or TimeSettings(), alerting or AlertingSettings()
        models = plan_models([settings], {settings.name: reference}, time, alerting, everything=False)
        self.plan = models[settings.name]
        self.lateness = time.lateness
        self._alerting = alerting
        self._measures = {settings.name: measure_of(self.plan)}
        self._measure = MeasureMoved(self._measures)
        self._begin({})

    def _begin(self, states: dict[str, Any]) -> None:
        """Make the steps, each continuing from its state if there is one."""
        model, get = self.plan, states.get
        self._close, self._slices = close_step(model, get("close")), slices_step(model, get("slices"))
        self._rings = {
            window.size: slide_step(model, get(window.label), measures=self._measures) for window in model.windows
        }
        self._trails = {one.name: trail_step(model, get(one.name)) for one in model.trails}
        self._judge = judge_step(model, get("judge"), evaluations=False)
        self._alerts = alert_step(model, get("alerts"), alerting=self._alerting)

    def __deepcopy__(self, memo: dict[int, Any]) -> ColumnsRun:
        """A run of its own that goes on from here: steps hold their logic, so their states are copied."""
        steps = {"close": self._close, "slices": self._slices, "judge": self._judge, "alerts": self._alerts}
        steps |= {window.label: self._rings[window.size] for window in self.plan.windows}
        steps |= self._trails
        other = copy.copy(self)
        other._begin({name: copy.deepcopy(step.state, memo) for name, step in steps.items()})  # noqa: SLF001 - of the same class
        return other

    def pane(self, index: int, groups: Groups) -> list[AlertEvent]:
        """Hand in the next pane, (version, segment) -> vector, and let the watermark pass it; the events of that."""
        sketches = {(index, *key): vector for key, vector in groups.items()}
        partial = Partial(Progress(0, 1, index + 1, None, ended=False), sketches, late=0)
        events: list[AlertEvent] = []
        for tick in self._close([partial]):
            items: list[Any] = []
            for item in self._slices([tick]):
                if isinstance(item, TrailSlice):
                    items += self._trails[item.name]([item])
                else:
                    items += (
                        [item] if isinstance(item, Header) else self._measure(self._rings[item.window.size]([item]))
                    )
            found = self._alerts(list(self._judge(items)))
            events += [event for event in found if isinstance(event, AlertEvent)]
        return events

    def emitted(self, event: AlertEvent) -> int:
        """Event time (ms) at which an event can leave.

        Its pane has ended and a record `lateness` later has moved the watermark past that end.
        """
        return event.event_time + self.lateness

    def drifted(self, features: int) -> BoolArray:
        """bool[features]: which features the drift monitors find drifted now, over any window, at any level."""
        found = np.zeros(features, dtype=bool)
        for (monitor, *_), stream in self._judge.state.streams.items():
            if monitor.startswith("drift."):
                found |= stream.level > 0
        return found

    def trail_states(self) -> list[TrailState]:
        """What is kept of each trail."""
        return [step.state for step in self._trails.values()]

    def overdispersion(self) -> FloatArray:
        """float64[columns]: how much more panes vary than independent rows, as the reference says or as found live."""
        live, columns = self._slices.state.dispersion, self.plan.layout.columns
        found = np.ones(len(columns)) if live is None else live.factors()
        told = [column.profile.overdispersion for column in columns]
        return np.array([factor if each is None else each for each, factor in zip(told, found, strict=True)])
