"""Settings of the steps: what a user may say of time, drift, prediction, quality, objectives and alerting.

Each class is one mapping of the config file; its field names are the keys. Durations are milliseconds inside. The
defaults are policy, with the source of each beside it.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from operators.settings import policy
from operators.settings.actions import MAX_ON, CanarySettings, OnAlert, RetrainSettings
from operators.settings.alerting import SeverityLevels
from operators.settings.alerts import AlertName
from operators.settings.calendar import Calendar, SeasonalSettings
from operators.settings.durations import Millis, from_to
from operators.settings.features import FeatureSettings, LevelsByDistance, Limits, bounded
from operators.settings.labels import ModelLabels
from operators.settings.metrics import FORECAST, OF_ROWS, OF_TASK
from operators.settings.objective import Objective, SlaMetric, with_metric
from operators.settings.parts import Classes, Levels, Name, Number, Settings, Whole, Windows, distinct
from operators.settings.performance import PerformanceSettings
from operators.settings.trailing import TrailingSettings
from windows.outcomes.layout import Task
from windows.statistics.catalog import JUDGED

Owner = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

VersionName = Annotated[str, StringConstraints(min_length=1, max_length=128)]

MAX_SEGMENT_KEYS = 8


class _Distances(LevelsByDistance):
    """Thresholds per distance; null switches a distance off.

    Attributes:
        windows: over which it is compared with the reference.
        trailing: what came of late beside what came before; None for off.
    """

    windows: Windows = (10_000, 60_000, 3_600_000)
    trailing: TrailingSettings | None = None

    @property
    def levels(self) -> dict[str, Levels]:
        """The thresholds of each distance that has some."""
        found: dict[str, Levels | None] = {name: getattr(self, name) for name in JUDGED}
        return {name: levels for name, levels in found.items() if levels is not None}

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        """A distance that cannot exceed 1 cannot cross a threshold of 1."""
        for metric, levels in self.levels.items():
            bounded(metric, levels)
        return self


def _levels(given: tuple[float | None, float | None]) -> Levels:
    minor, major = given
    return Levels(minor=minor, major=major)


class DriftSettings(_Distances):
    """How far a feature may be from its reference, over which windows; see policy for where the levels come from."""

    psi: Levels | None = _levels(policy.DRIFT_PSI)
    ks: Levels | None = _levels(policy.DRIFT_KS)


class PredictionSettings(_Distances):
    """How far the predictions may be from the reference: classes by PSI, numbers by KS, too."""

    psi: Levels | None = _levels(policy.PREDICTION_PSI)
    ks: Levels | None = _levels(policy.PREDICTION_KS)


class QualitySettings(Limits):
    """When the data itself is wrong: a key for each limit of `quality` (operators/settings/alerts.py), and these.

    Attributes:
        windows: the windows that limits are judged over.
        stale_after: a feature without a value for this long, while predictions come, is stale.
        no_data_after: no predictions at all for this long, with the partitions confirmed empty; None for as long as the
            pace of the reference, or of the live traffic, makes it a surprise.
    """

    windows: Windows = (60_000, 3_600_000)
    stale_after: Annotated[Millis, from_to(1)] = 1_800_000
    no_data_after: Annotated[Millis, from_to(1)] | None = None


SELECTOR = r'^[a-zA-Z_]\w*(=|!=|=~|!~)"([^"\\\n]|\\.)*"(\s*,\s*[a-zA-Z_]\w*(=|!=|=~|!~)"([^"\\\n]|\\.)*")*$'
"""Label matchers as PromQL has them between braces."""

Price = Annotated[Number, Field(ge=0)]


class PricesSettings(Settings):
    """What resources cost, for predictions that do not say their cost themselves."""

    cpu_hour: Price = 0.0
    gpu_hour: Price = 0.0
    memory_gib_hour: Price = 0.0


class CostSettings(Settings):
    """How what predictions use is counted.

    Attributes:
        currency: three letters; it is shown, nothing is converted.
        prices: of resources; a cost that a prediction brings counts as it is.
        selector: label matchers of the series of the model's containers, for the rules that `driftgauge rules` writes;
            None where nobody knows them.
    """

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    prices: PricesSettings = PricesSettings()
    selector: Annotated[str, StringConstraints(max_length=1_000, pattern=SELECTOR)] | None = None


class AnomalousSettings(Levels):
    """How large a share of the predictions may be anomalous: unlike the reference's in how their features go together.

    Attributes:
        quantile: of the reference's own predictions, beyond which one is anomalous.
    """

    minor: Annotated[Number, Field(gt=0, lt=1)] | None = None
    major: Annotated[Number, Field(gt=0, lt=1)] | None = 0.01
    quantile: Annotated[Number, Field(ge=0.5, lt=1)] = 0.999


class MultivariateSettings(Settings):
    """How far features may be from what the others say of them; a method alone may stand for it.

    Attributes:
        method: how a feature is told from the others. `conditional`: by its regression on all of them; `pca`: by the
            components that keep 65 % of the variance; `autoencoder`: by what one of d/8 inner numbers gives back.
        windows: the windows that are judged.
        ratio: of the error of a feature, and of all together, to that of the reference.
        anomalous: share of anomalous predictions; None for off.
    """

    method: Literal["conditional", "pca", "autoencoder"] = "conditional"
    windows: Windows = (60_000, 3_600_000)
    ratio: Levels | None = Levels(major=1.5)
    anomalous: AnomalousSettings | None = AnomalousSettings()

    @model_validator(mode="before")
    @classmethod
    def _method_alone(cls, given: Any) -> Any:
        return {"method": given} if isinstance(given, str) else given


class ModelSettings(Settings):
    """One model.

    Attributes:
        name: as in the predictions' `model` field.
        task: what its predictions are.
        owner: who is to be told: a team, which `driftgauge routes` makes a receiver of; None for nobody in particular.
        labels: name -> value of what its alerts carry beside their own: events, `alert_active`, Alertmanager.
        severity: severities of its alerts that differ from `alerting.severity`.
        reference: file of its reference, relative to the config file; None while it is not built yet.
        references: version -> file of a reference of its own, built like `reference`; other versions are compared with
            that.
        segments: features or context fields whose values are also watched one by one.
        features: what is watched; None for all features of the reference.
        classes: names of the classes. Where predictions are lists of class scores, in the order of the scores; a label
            that is none of them is refused. None for what the reference says.
        performance: how labels come and how good predictions must be; None where no labels come.
        retrain: when it is to be trained anew; None for never.
        canary: how a new version is judged that serves beside the one that it is to replace; None for not at all.
        on: what its alerts ask for.
        calendar: days that are like another day of the week, or have a reference of their own.
        seasonal: how the reference's hours of the week are told apart; None for not at all.
        multivariate: how features are watched together; None for one by one only.
        cost: how what predictions use is counted; None where `usage` is not read.
        max_versions: versions told apart; further ones are counted as overflow.
    """

    name: Name
    task: Task
    owner: Owner | None = None
    labels: ModelLabels = Field(default_factory=dict)
    severity: dict[AlertName, SeverityLevels] = Field(default_factory=dict)
    reference: Path | None = None
    references: Annotated[dict[VersionName, Path], Field(max_length=1_000)] = Field(default_factory=dict)
    segments: Annotated[tuple[Name, ...], Field(max_length=MAX_SEGMENT_KEYS), AfterValidator(distinct)] = ()
    features: Annotated[dict[Name, FeatureSettings], Field(min_length=1, max_length=2_000)] | None = None
    drift: DriftSettings = DriftSettings()
    prediction: PredictionSettings = PredictionSettings()
    quality: QualitySettings = QualitySettings()
    classes: Classes | None = None
    performance: PerformanceSettings | None = None
    seasonal: SeasonalSettings | None = None
    calendar: Calendar = ()
    multivariate: MultivariateSettings | None = None
    cost: CostSettings | None = None
    sla: dict[SlaMetric, Objective] = Field(default_factory=dict)
    retrain: RetrainSettings | None = None
    canary: CanarySettings | None = None
    on: Annotated[tuple[OnAlert, ...], Field(max_length=MAX_ON)] = ()
    max_versions: Annotated[Whole, Field(ge=1, le=1_000)] = 16

    @field_validator("sla", mode="before")
    @classmethod
    def _name_metrics(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {metric: with_metric(metric, objective) for metric, objective in given.items()}

    @property
    def asks(self) -> bool:
        """Whether anything is ever asked of others for it."""
        return self.retrain is not None or self.canary is not None or bool(self.on)

    @model_validator(mode="after")
    def _own_need(self) -> Self:
        retrain = self.retrain
        if retrain is None or retrain.need is None:
            return self
        if self.performance is None:
            key = "need" if retrain.probability is None else "probability"
            raise _of_retrain(key, "`performance:` is needed: what is forecast is a metric of labels")
        metric, known = retrain.need.metric, [name for name in OF_TASK[self.task] if name in FORECAST]
        if metric is not None and metric not in known:
            raise _of_retrain("need", f"for a {self.task} model one of {', '.join(known)} is needed", "metric")
        if metric == "within_tolerance" and self.performance.tolerance is None:
            raise _of_retrain("need", "`performance.tolerance` is needed for within_tolerance", "metric")
        return self

    @model_validator(mode="after")
    def _own_canary(self) -> Self:
        canary = self.canary
        if canary is None:
            return self
        mine = [name for name in OF_ROWS if name in OF_TASK[self.task]]
        if self.performance is None:
            raise _of_canary("performance", "`performance:` is needed: versions are compared by their labels")
        if canary.metric not in mine:
            raise _of_canary("metric", f"for a {self.task} model one of {', '.join(mine)} is needed")
        if canary.metric == "within_tolerance" and self.performance.tolerance is None:
            raise _of_canary("metric", "`performance.tolerance` is needed for within_tolerance")
        if canary.by is not None and canary.by not in self.segments:
            known = ", ".join(self.segments) or "none"
            raise _of_canary("by", f"one of the model's segments is needed; it has {known}")
        return self


def _of_retrain(key: str, need: str, *more: str) -> PydanticCustomError:
    return PydanticCustomError("unfit", "{need}", {"at": ("retrain", key, *more), "need": need})


def _of_canary(key: str, need: str) -> PydanticCustomError:
    return PydanticCustomError(
        "unfit", "{need}", {"at": ("canary",) if key == "performance" else ("canary", key), "need": need}
    )
