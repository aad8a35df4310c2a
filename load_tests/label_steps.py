"""Everything that labels go through, from raw messages to alerts, in one process and without Bytewax.

What `stream/dataflow.py` and `stream/feedback_flow.py` wire is driven as it is; stores are kept in memory.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "tests")) if place not in sys.path]

from joining import DictStore  # noqa: E402  the path comes first

from operators.alerts.event import AlertEvent  # noqa: E402
from operators.intake.decode import Decode, DecodeConfig  # noqa: E402
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel  # noqa: E402
from operators.join.split import Delivery, SplitFeedback, SplitPredictions, shard_name  # noqa: E402
from operators.model_steps import (  # noqa: E402
    alert_step,
    cohort_step,
    cohorts_config,
    join_step,
    label_judge_config,
    label_judge_step,
    merge_step,
)
from operators.plans.join import SHARDS  # noqa: E402
from operators.plans.model import plan_models  # noqa: E402
from operators.records import NoEnvelopes, Origin, RawBatch, Topic  # noqa: E402
from operators.settings.alerting import AlertingSettings  # noqa: E402
from operators.settings.event_time import TimeSettings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operators.join.ticks import CohortTick
    from operators.judging.label_judge import LabelVerdicts
    from operators.settings.model import ModelSettings
    from windows.references.reference import Reference


class Judged:
    """Cohort ticks of one model to verdicts and alerts.

    Args:
        settings: with `performance:`.
        reference: of the model.
        time: panes and lateness.
        alerting: the promise on false pages.
        evaluations: whether evaluations are wanted as rows.
    """

    def __init__(
        self,
        settings: ModelSettings,
        reference: Reference,
        time: TimeSettings | None = None,
        alerting: AlertingSettings | None = None,
        *,
        evaluations: bool = False,
    ) -> None:
        self.time, alerting = time or TimeSettings(), alerting or AlertingSettings()
        references = {settings.name: reference}
        self.plan = plan_models([settings], references, self.time, alerting, everything=evaluations)[settings.name]
        labels = self.plan.labels
        if labels is None:
            raise ValueError(f"{settings.name} has no performance settings")
        self.join, self.plan_of_cohorts = labels.join, labels.cohorts
        self.cohorts = cohort_step(cohorts_config(labels, self.plan.alpha, evaluations=evaluations), None)
        self._judge = label_judge_step(label_judge_config(labels, evaluations=evaluations), None)
        self._alerts = alert_step(self.plan, None, alerting=alerting)

    def tick(self, tick: CohortTick) -> tuple[LabelVerdicts, list[AlertEvent]]:
        """What is found at a tick."""
        (verdicts,) = self._judge(list(self.cohorts([tick])))
        return verdicts, [event for event in self._alerts([verdicts]) if isinstance(event, AlertEvent)]


class LabelSteps:
    """One model from raw batches of both topics on; of verdicts, the last are kept, of ticks and alert events all."""

    def __init__(self, settings: ModelSettings, reference: Reference, time: TimeSettings | None = None) -> None:
        self.judged = Judged(settings, reference, time, evaluations=True)
        plan, time = self.judged.join, self.judged.time
        self.name = settings.name
        joined = {self.name: self.judged.plan.settings.task}
        self._decode = Decode(DecodeConfig((plan.layout,), time.pane, time.lateness, time.max_ahead, joined))
        known = FeedbackModel(plan.layout, plan.labels)
        self._decode_feedback = DecodeFeedback(FeedbackConfig((known,), time.pane, time.lateness, time.max_ahead))
        self._split = SplitPredictions([plan], time.pane)
        self._split_feedback = SplitFeedback([plan], time.pane)
        self._stores = [DictStore() for _ in range(SHARDS)]
        plans = {self.name: plan}
        self._joins = {
            name: join_step(name, plans, time.pane, self._stores.__getitem__, None)
            for name in map(shard_name, range(SHARDS))
        }
        self._known = merge_step(plan, None, pane=time.pane)
        self.ticks: list[CohortTick] = []
        self.last: LabelVerdicts | None = None
        self.events: list[AlertEvent] = []

    def feed(self, raw: RawBatch) -> None:
        """Take a batch of either topic."""
        found: list[Any] = []
        for name, item in (
            self._split_feedback(self._decode_feedback(raw))
            if raw.origin.holds == Topic.FEEDBACK
            else self._split(self._decode(raw))
        ):
            if isinstance(item, Delivery):
                found += [joined for _, joined in self._joins[name]([item])]
            else:
                found.append(item)
        for item in found:
            self._told(self._known([item]))

    def _told(self, ticks: Iterable[CohortTick]) -> None:
        for tick in ticks:
            self.last, events = self.judged.tick(tick)
            self.events += events
            self.ticks.append(tick)


def batch(
    values: Sequence[bytes], *, partition: int, partitions: int, feedback: bool, ended: bool, received: int
) -> RawBatch:
    """Lines of a file as a batch."""
    topic = Topic.FEEDBACK if feedback else Topic.PREDICTIONS
    return RawBatch(Origin(topic, partition, partitions, topic, ended=ended), values, None, NoEnvelopes(), received)
