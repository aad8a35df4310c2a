"""The steps of one or more models in a row, as the dataflow wires them, without the dataflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operators.alerts.event import AlertEvent
from operators.intake.decode import Decode, DecodeConfig
from operators.model_steps import (
    alert_step,
    close_step,
    judge_step,
    measure_of,
    slices_step,
    slide_step,
    trail_step,
)
from operators.predictions.fold import Fold
from operators.predictions.slices import Header, TrailSlice
from operators.predictions.slide import MeasureMoved
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.dead_letters import DeadLetter
    from operators.judging.evaluations import Evaluation
    from operators.judging.judge import Verdicts
    from operators.plans.model import ModelPlan
    from operators.records import RawBatch
    from operators.step import Build


@dataclass
class Chain:
    """Feeds batches through every step of the models; every output is kept.

    `before` is called with the stage and key whose step is about to work: a test may restart that step there.
    """

    models: dict[str, ModelPlan]
    alerting: AlertingSettings = field(default_factory=AlertingSettings)
    time: TimeSettings = field(default_factory=TimeSettings)
    before: Callable[[Chain, tuple[str, str]], None] = lambda _chain, _place: None
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)
    read: int = 0
    dead: list[DeadLetter] = field(default_factory=list)
    ticks: list[Any] = field(default_factory=list)
    verdicts: list[Verdicts] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the steps that keep nothing."""
        layouts = tuple(model.layout for model in self.models.values())
        time = self.time
        self.decode = Decode(DecodeConfig(layouts, time.pane, time.lateness, time.max_ahead))
        self.fold = Fold(layouts, time.pane, {name: model.settings.max_versions for name, model in self.models.items()})
        self.measures = {name: measure_of(model) for name, model in self.models.items()}
        self.measure = MeasureMoved(self.measures)

    @property
    def evaluations(self) -> list[Evaluation]:
        """All rows so far."""
        return [row for verdict in self.verdicts for row in verdict.evaluations]

    def restart(self, place: tuple[str, str]) -> None:
        """Replace a step by one that continues from its snapshot."""
        if place in self.steps:
            self.steps[place] = Step(place[0], self._build(place[0]), self.steps[place].snapshot())

    def feed(self, raw: RawBatch) -> None:
        """Take one batch."""
        decoded = self.decode(raw)
        self.read += decoded.read
        self.dead += decoded.dead
        for name, partial in self.fold(decoded):
            for tick in self._run("close", name, name, [partial]):
                self.ticks.append(tick)
                self._tick(name, tick)

    def _tick(self, name: str, tick: Any) -> None:
        found = []
        for item in self._run("slice", name, name, [tick]):
            if isinstance(item, Header):
                found.append(item)
            elif isinstance(item, TrailSlice):
                found += self._run("trail", f"{name}|{item.name}", name, [item])
            else:
                found += self.measure(self._run("measure", f"{name}|{item.window.label}", name, [item]))
        for verdict in self._run("judge", name, name, found):
            self.verdicts.append(verdict)
            for told in self._run("alert", name, name, [verdict]):
                if isinstance(told, AlertEvent):
                    self.events.append(told)

    def _run(self, stage: str, key: str, name: str, values: list[Any]) -> list[Any]:
        place = (stage, key)
        self.before(self, place)
        if place not in self.steps:
            self.steps[place] = Step(stage, self._build(stage), None)
        outputs, _ = self.steps[place].on_batch([(name, value) for value in values])
        return list(outputs)

    def _build(self, stage: str) -> Build:
        """What makes the step of a stage."""

        def build(name: str, state: Any) -> Any:
            model = self.models[name]
            match stage:
                case "close":
                    return close_step(model, state)
                case "slice":
                    return slices_step(model, state)
                case "measure":
                    return slide_step(model, state, measures=self.measures)
                case "trail":
                    return trail_step(model, state)
                case "judge":
                    return judge_step(model, state, evaluations=True)
                case _:
                    return alert_step(model, state, alerting=self.alerting)

        return build
