"""The steps of one model after the fold, in one process and without Bytewax: panes in, alert events out.

What `operators/model_steps.py` builds is driven as it is; only JSON and the bridges between the steps are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from operators.alerts.event import AlertEvent
from operators.model_steps import alert_step, close_step, judge_step, measure_of, measure_step, slices_step
from operators.plans.model import plan_models
from operators.predictions.fold import Partial
from operators.predictions.slices import Header
from operators.progress import Progress
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings

if TYPE_CHECKING:
    from operators.settings.model import ModelSettings
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
        self._close, self._slices = close_step(self.plan, None), slices_step(self.plan, None)
        measures = {settings.name: measure_of(self.plan)}
        self._rings = {window.size: measure_step(self.plan, None, measures=measures) for window in self.plan.windows}
        self._judge = judge_step(self.plan, None, evaluations=False)
        self._alerts = alert_step(self.plan, None, alerting=alerting)

    def pane(self, index: int, groups: Groups) -> list[AlertEvent]:
        """Hand in the next pane, (version, segment) -> vector, and let the watermark pass it; the events of that."""
        sketches = {(index, *key): vector for key, vector in groups.items()}
        partial = Partial(Progress(0, 1, index + 1, None, ended=False), sketches, late=0)
        events: list[AlertEvent] = []
        for tick in self._close([partial]):
            items: list[Any] = []
            for item in self._slices([tick]):
                items += [item] if isinstance(item, Header) else self._rings[item.window.size]([item])
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

    def overdispersion(self) -> FloatArray:
        """float64[columns]: how much more panes vary than independent rows, as the reference says or as found live."""
        live, columns = self._slices.state.dispersion, self.plan.layout.columns
        found = np.ones(len(columns)) if live is None else live.factors()
        told = [column.profile.overdispersion for column in columns]
        return np.array([factor if each is None else each for each, factor in zip(told, found, strict=True)])
