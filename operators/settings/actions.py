"""Settings of actions: what is asked of other systems, by what, how often at most, and who has to agree."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.alerts import BLOCKING, AlertName
from operators.settings.durations import UNITS, Millis, from_to
from operators.settings.metrics import OF_ROWS
from operators.settings.parts import KnownZone, Name, Number, Settings, Share, Whole, distinct, unfit
from windows.need.learnt import Learnt

ActionName = Literal["retrain", "rollback", "fallback", "review", "notify", "promote"]
Mode = Literal["off", "dry_run", "live"]
Level = Literal["minor", "major"]
Approval = Literal["never", "drift", "always"]

MAX_ON = 32
LEVELS: dict[str, int] = {"minor": 1, "major": 2}

Names = Annotated[tuple[Name, ...], Field(max_length=100), AfterValidator(distinct)]
Alerts = Annotated[tuple[AlertName, ...], Field(max_length=20), AfterValidator(distinct)]


def _cron(text: str) -> str:
    try:
        found = next(CronSim(text, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)), None)
    except CronSimError as error:
        said = 'five fields as of cron, such as "0 2 * * 1" (Mondays at 02:00): {why}'
        raise PydanticCustomError("cron", said, {"why": str(error)}) from None
    if found is None or len(text.split()) != 5:
        raise PydanticCustomError("cron", 'five fields as of cron that ever come, such as "0 2 * * 1"')
    return text


def _mode(given: object) -> object:
    """YAML 1.1 reads off as false."""
    return "off" if given is False else given


class Storm(Settings):
    """So many models that want to be retrained within this time are one thing to review, not many to retrain.

    Attributes:
        models: how many.
        within: of each other, ms.
        settle: how long a retraining that an alert asks for is held back, to see whether others ask for the same; no
            time where there are fewer models than make a storm.
    """

    models: Annotated[Whole, Field(ge=2, le=1_000)] = 5
    within: Annotated[Millis, from_to(1_000, 7 * UNITS["d"])] = UNITS["h"]
    settle: Annotated[Millis, from_to(0, UNITS["d"])] = 10 * UNITS["m"]

    @model_validator(mode="after")
    def _seen_in_time(self) -> Self:
        if self.settle > self.within and "settle" in self.model_fields_set:
            raise unfit("settle", "no more than `within` is needed: what is longer apart is no storm")
        return self

    def settles(self, models: int) -> int:
        """How long (ms) a retraining of one of so many models is held back."""
        return min(self.settle, self.within) if models >= self.models else 0


class ActionsSettings(Settings):
    """What holds for the actions of all models.

    Attributes:
        mode: off; dry_run, in which actions are written to their topic and sent to nobody; or live.
        max_open: retrains, rollbacks and promotions that are open at a time, over all models; more wait for their turn.
        storm: see Storm; None for no limit.
    """

    mode: Annotated[Mode, BeforeValidator(_mode)] = "dry_run"
    max_open: Annotated[Whole, Field(ge=1, le=1_000)] = 5
    storm: Storm | None = Storm()


class Schedule(Settings):
    """When to retrain whatever happens; the fields of cron, in a time zone."""

    cron: Annotated[str, StringConstraints(max_length=200), AfterValidator(_cron)] = "0 2 * * 1"
    timezone: KnownZone = "UTC"


class Lasting(Settings):
    """An alert that has reached a level and has stood for so long (`for`)."""

    level: Level = "major"
    lasts: Annotated[Millis, from_to(0, 30 * UNITS["d"])] = Field(default=0, alias="for")

    @property
    def least(self) -> int:
        """The level as a number."""
        return LEVELS[self.level]


class DriftTrigger(Lasting):
    """Drift that asks for a retraining.

    Attributes:
        features: only drift of one of these counts; None for that of any, and of the predictions.
    """

    lasts: Annotated[Millis, from_to(0, 30 * UNITS["d"])] = Field(default=UNITS["h"], alias="for")
    features: Annotated[Names, Field(min_length=1)] | None = None


class NeedSettings(Settings):
    """Whether a model will need to be trained anew, as a probability.

    That its metric, over the horizon to come and with all labels, will be worse than in the version's first mature
    slices by `loss` or more.

    Attributes:
        horizon: how far ahead, ms.
        loss: that matters, in the metric's unit.
        metric: with labels; None for the one that the task's error is taken from: accuracy, mae or ndcg.
        learnt: file of `driftgauge retrain fit`, relative to the config file; None for the filter alone.
    """

    horizon: Annotated[Millis, from_to(UNITS["m"], 90 * UNITS["d"])] = 7 * UNITS["d"]
    loss: Annotated[Number, Field(gt=0)]
    metric: Name | None = None
    learnt: Path | None = None
    _found: Learnt | None = PrivateAttr(default=None)

    @property
    def found(self) -> Learnt | None:
        """What the file says, once it was read."""
        return self._found

    def with_found(self, found: Learnt) -> Self:
        """The same with what its file says."""
        other = self.model_copy()
        other._found = found  # noqa: SLF001 - its own
        return other


class ProbabilityTrigger(Settings):
    """A probability of need (`above`) that has stood for so long (`for`)."""

    above: Annotated[Number, Field(gt=0, lt=1)] = 0.8
    lasts: Annotated[Millis, from_to(0, 30 * UNITS["d"])] = Field(default=UNITS["d"], alias="for")


class RetrainSettings(Settings):
    """When a model is to be trained anew.

    Attributes:
        schedule: None for never by the calendar.
        drift: None for never by drift.
        performance: by PerformanceDrop and ConceptDrift, which know mature labels only; None for never.
        probability: by the forecast of `need`; None for never.
        need: what is forecast; None for nothing.
        cooldown: from one retraining to the next at least; a request by hand does not wait.
        max_per_30d: retrainings in thirty days at most, likewise.
        complete_within: past it ActionOverdue fires.
        training_window: how much of the past is trained on.
        block_on: alerts during which nothing is trained.
        honours_exclude: the training leaves out the periods in `data.exclude`; else bad data within the training window
            blocks.
        min_coverage: share of the mature predictions that must have a label.
        approval: whose agreement is waited for: nobody's, that to retrain for drift or a probability, or that to any.
        via: connectors that carry it out; empty where a consumer of the actions topic does.
    """

    schedule: Schedule | None = Schedule()
    drift: DriftTrigger | None = DriftTrigger()
    performance: Lasting | None = None
    probability: ProbabilityTrigger | None = None
    need: NeedSettings | None = None
    cooldown: Annotated[Millis, from_to(0, 90 * UNITS["d"])] = UNITS["d"]
    max_per_30d: Annotated[Whole, Field(ge=1, le=1_000)] = 8
    complete_within: Annotated[Millis, from_to(UNITS["m"], 30 * UNITS["d"])] = 4 * UNITS["h"]
    training_window: Annotated[Millis, from_to(UNITS["m"])] = 90 * UNITS["d"]
    block_on: Alerts = BLOCKING
    honours_exclude: bool = False
    min_coverage: Share = 0.0
    approval: Approval = "never"
    via: Names = ()

    @model_validator(mode="after")
    def _known_need(self) -> Self:
        if self.probability is not None and self.need is None:
            raise unfit("probability", "`need: {loss: 0.02}` is needed beside it: it says what is forecast")
        return self


class CanarySettings(Settings):
    """How a new version is judged that serves beside the one that it is to replace.

    Attributes:
        metric: that both are compared by: a mean over rows, with labels.
        margin: how much worse the new one may be, in the metric's unit.
        share: of the predictions that the new one is to serve; otherwise the comparison is not valid. None for any.
        by: segment key whose values are compared one by one; None for the model's first, if it has any.
        least: `min` time before the new one may be promoted.
        most: `max` time after which somebody has to look.
        approval: whether somebody has to agree.
        complete_within: past it ActionOverdue fires.
        via: connectors that carry it out.
    """

    metric: Name
    margin: Annotated[Number, Field(ge=0)] = 0.0
    share: Annotated[Number, Field(gt=0, lt=1)] | None = None
    by: Name | None = None
    least: Annotated[Millis, from_to(UNITS["m"], 90 * UNITS["d"])] = Field(default=6 * UNITS["h"], alias="min")
    most: Annotated[Millis, from_to(UNITS["m"], 90 * UNITS["d"])] = Field(default=14 * UNITS["d"], alias="max")
    approval: Literal["never", "always"] = "never"
    complete_within: Annotated[Millis, from_to(1_000, 30 * UNITS["d"])] = UNITS["h"]
    via: Names = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.metric not in OF_ROWS:
            raise unfit("metric", "a mean over rows is needed: {names}", names=", ".join(OF_ROWS))
        if self.most < self.least:
            raise unfit("max", "at least `min` is needed: what may not be promoted by then never is")
        return self


class OnAlert(Settings):
    """What an alert asks for.

    Attributes:
        alert: its kind.
        metric: only where one of its causes is of this metric; None for any.
        monitor: only where this rule is among those that it stands on, such as performance.ndcg.version; None for any.
        level: that it must have reached.
        lasts: `for` how long it must have stood.
        segments: whether alerts of segments count, too.
        action: what is asked for.
        approval: whether somebody has to agree.
        complete_within: past it ActionOverdue fires.
        cooldown: from one such action of the model to the next at least.
        via: connectors that carry it out.
    """

    alert: AlertName
    metric: Name | None = None
    monitor: Name | None = None
    level: Level = "minor"
    lasts: Annotated[Millis, from_to(0, 30 * UNITS["d"])] = Field(default=0, alias="for")
    segments: bool = False
    action: ActionName
    approval: Literal["never", "always"] = "never"
    complete_within: Annotated[Millis, from_to(1_000, 30 * UNITS["d"])] = UNITS["h"]
    cooldown: Annotated[Millis, from_to(0, 90 * UNITS["d"])] = UNITS["d"]
    via: Names = ()

    @model_validator(mode="after")
    def _own_key(self) -> Self:
        if self.alert.startswith("Action"):
            raise unfit("alert", "an alert on the model is needed: actions do not follow from actions")
        if self.action == "promote":
            raise unfit("action", "retrain, rollback, fallback, review or notify is needed: no alert promotes")
        return self
