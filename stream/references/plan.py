"""What a reference build takes from rows: features and their kinds, the prediction, segments."""

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from operators.settings.calendar import days_like
from operators.settings.features import FeatureKind
from operators.settings.model import ModelSettings
from operators.settings.source import UTC
from stream.config.explain import suggestion
from stream.errors import UsageError
from stream.references.score_columns import score_columns
from stream.references.zone_guess import Guess
from stream.rows.columns import SPECIAL, UNREAD, Column, Rows
from stream.rows.kinds import DRESSED
from stream.rows.times import usual_times
from windows.joint.reconstruct import Method
from windows.outcomes.layout import Task
from windows.references.reference import Reference
from windows.references.seasons import MOST_CLASSES

PredictionMode = Literal["number", "category", "scores", "pair"]
"""A score or value; the name of a class; class scores; the scores of the two classes of a binary model."""


@dataclass(frozen=True, slots=True)
class OutcomeOptions:
    """How predictions are held against labels: the settings of `performance:` that the reference depends on.

    Attributes:
        threshold: a score of at least this is a positive prediction.
        positive: name of the positive class where labels are text.
        k: how many of the ranked items count.
        tolerance: an error up to this is none.
        negative_after: whether no feedback in time is a negative label.
        classes: names of the positions of a list of scores; none for "0", "1", ...
    """

    threshold: float = 0.5
    positive: str | None = None
    k: int = 10
    tolerance: float | None = None
    negative_after: bool = False
    classes: tuple[str, ...] = ()


def outcome_options(settings: ModelSettings) -> OutcomeOptions:
    """The options that a model's settings ask for."""
    performance = settings.performance
    if performance is None:
        return OutcomeOptions(classes=settings.classes or ())
    return OutcomeOptions(
        threshold=performance.threshold,
        positive=performance.positive,
        k=performance.k,
        tolerance=performance.tolerance,
        negative_after=performance.negative_after is not None,
        classes=settings.classes or (),
    )


@dataclass(frozen=True, slots=True)
class SeasonOptions:
    """Whose hours of the week are compared, and how many classes of them may be kept.

    Attributes:
        timezone: of all rows but those of `zones`.
        max_classes: classes told apart at most.
        zones: (segment key, value, time zone) of segments with hours of their own.
        days: local days (since the epoch) that count as another day of the week (0 is Monday), ascending.
        named: whether somebody said the time zone; else it is looked for in the rows.
        guess: what was found there.
    """

    timezone: str = "UTC"
    max_classes: int = MOST_CLASSES
    zones: tuple[tuple[str, str, str], ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    named: bool = True
    guess: Guess | None = None


def season_options(settings: ModelSettings) -> SeasonOptions | None:
    """How a model's settings ask for seasons."""
    asked = settings.seasonal
    if asked is None:
        return None
    return SeasonOptions(asked.timezone, asked.max_classes, asked.of_segments, days_like(settings.calendar))


@dataclass(frozen=True, slots=True)
class JointOptions:
    """How features are told from each other, and the quantile beyond which a row is anomalous."""

    method: Method = "conditional"
    quantile: float = 0.999


def joint_options(settings: ModelSettings) -> JointOptions | None:
    """How a model's settings ask for features together."""
    asked = settings.multivariate
    if asked is None:
        return None
    return JointOptions(asked.method, JointOptions().quantile if asked.anomalous is None else asked.anomalous.quantile)


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What is asked of a build.

    Attributes:
        model: name of the model.
        features: feature -> kind; None for every column that is not special.
        segments: segment keys.
        task: the model's task; None to go by the type of the predictions.
        pane: length of a pane in ms, for the overdispersion.
        ignored: columns that are nothing to us although nothing else says so.
        outcomes: how predictions are held against the labels of the rows.
        roles: our name of a special column -> its name in the rows, where that is another.
        chosen: columns that are features whatever they are called.
        resolutions: feature -> what its values are rounded to.
        seasonal: how seasons are looked for; None for not at all.
        joint: how features are told from each other; None for not at all.
        like: the reference whose edges and categories are taken; None for those of the rows.
        timezone: where the clocks are that times without an offset are read from.
    """

    model: str
    features: dict[str, FeatureKind] | None = None
    segments: tuple[str, ...] = ()
    task: Task | None = None
    pane: int = 10_000
    ignored: tuple[str, ...] = ()
    outcomes: OutcomeOptions = OutcomeOptions()
    roles: dict[str, str] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    resolutions: dict[str, float] = field(default_factory=dict)
    seasonal: SeasonOptions | None = None
    joint: JointOptions | None = None
    like: Reference | None = None
    timezone: str = UTC


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns are read as what.

    Attributes:
        features: feature -> kind, in column order.
        listed: the features were named by the config, not found in the rows.
        prediction: how the prediction column is read; None when there is nothing to profile.
        segments: segment keys.
        latency, timestamp, error, model_column: whether that column is there to be used.
        roles: our name of a special column -> its name in the rows, for those that are there.
        read: the columns of the rows, by name.
        label: whether rows have labels to be held against their predictions.
        task: the model's task, if it is known.
        outcomes: how they are held against each other.
        like: the reference whose edges and categories are taken; None for those of the rows.
        scores: columns of scores, one a class, which are no features.
        usual: first and last moment (ms) that rows may bear; beyond it a time is none. None where all are.
        dressed: columns of numbers that are written with signs, and are no features for it.
        timezone: where the clocks are that times without an offset are read from.
    """

    model: str
    features: dict[str, FeatureKind]
    listed: bool
    prediction: PredictionMode | None
    segments: tuple[str, ...]
    latency: bool
    timestamp: bool
    error: bool
    model_column: bool
    pane: int
    roles: dict[str, str]
    read: dict[str, Column]
    label: bool = False
    task: Task | None = None
    outcomes: OutcomeOptions = OutcomeOptions()
    resolutions: dict[str, float] = field(default_factory=dict)
    seasonal: SeasonOptions | None = None
    joint: JointOptions | None = None
    like: Reference | None = None
    scores: tuple[str, ...] = ()
    dressed: tuple[str, ...] = ()
    usual: tuple[int, int] | None = None
    timezone: str = UTC

    @property
    def lists_of_labels(self) -> bool:
        """Whether each label is a list."""
        return self.label and self.read[self.roles["label"]].kind == "list"

    @property
    def pair(self) -> int:
        """Place of the positive class's score among two: the last, where nobody says otherwise."""
        given = self.outcomes
        return given.classes.index(given.positive) if given.positive in given.classes else 1

    @property
    def labelled(self) -> tuple[str, ...]:
        """The columns that outcomes are made of."""
        return ("label", "prediction") if self.label else ()

    @property
    def columns(self) -> list[str]:
        """Every column to be read, once."""
        special = {
            "prediction": self.prediction is not None,
            "latency_ms": self.latency,
            "timestamp": self.timestamp,
            "error": self.error,
            "model": self.model_column,
        }
        used = [*self.labelled, *(name for name, is_used in special.items() if is_used)]
        return list(dict.fromkeys([*self.features, *self.segments, *(self.roles[name] for name in used)]))


def plan_build(rows: Rows, options: BuildOptions) -> Plan:
    """Decide what is read as what.

    Raises:
        UsageError: a configured feature or segment is not in the rows, a type does not fit, or no feature is left.
    """
    columns = {column.name: column for column in rows.columns}
    roles = roles_of(rows, columns, options)
    features = _features(rows, columns, options, roles)
    scores = () if options.features is not None else _scores(rows, columns, options, roles, features)
    features = {name: kind for name, kind in features.items() if name not in scores}
    if not features:
        raise UsageError(
            f"{rows.path}: no features: beside {', '.join(scores)}, scores of the classes, it has none; a column per"
            " feature is needed, or --numeric COLUMN for scores that are features"
        )
    for key in options.segments:
        column = _column(rows, columns, key, "segment")
        if column.kind not in {"number", "category"}:
            raise UsageError(f"{rows.path}: segment {key!r}: its values are no text, numbers or booleans")
    nested = any(column.origin == "features" for column in rows.columns)
    free = {role: columns[name] for role, name in roles.items() if name not in features}
    return Plan(
        model=options.model,
        features=features,
        listed=options.features is not None,
        prediction=_prediction(rows, free.get("prediction"), free.get("label"), options.task),
        segments=options.segments,
        latency="latency_ms" in free and free["latency_ms"].kind == "number",
        timestamp="timestamp" in free,
        error="error" in free and free["error"].kind in {"category", "number"},
        model_column=nested and "model" in free and free["model"].kind == "category",
        pane=options.pane,
        roles={role: column.name for role, column in free.items()},
        read=columns,
        label="label" in free and "prediction" in free and free["prediction"].kind not in UNREAD,
        task=options.task,
        outcomes=options.outcomes,
        resolutions=options.resolutions,
        seasonal=options.seasonal,
        joint=options.joint,
        like=options.like,
        scores=scores,
        timezone=options.timezone,
    )


def _scores(
    rows: Rows,
    columns: dict[str, Column],
    options: BuildOptions,
    roles: dict[str, str],
    features: dict[str, FeatureKind],
) -> tuple[str, ...]:
    """The columns of scores, one a class, that nobody asked for as features."""
    mine = [columns[name] for name, kind in features.items() if kind == "numeric" and name not in options.chosen]
    return score_columns(rows, mine, [columns[roles[role]] for role in ("prediction", "label") if role in roles])


def roles_of(rows: Rows, columns: dict[str, Column], options: BuildOptions) -> dict[str, str]:
    """Our name of each special column -> its name in the rows; times go by other names that are usual, too.

    Raises:
        UsageError: a column that was named is not there.
    """
    named = {role: _column(rows, columns, name, f"{role} column").name for role, name in options.roles.items()}
    taken = {*named.values(), *options.ignored, *options.chosen}
    own = {
        role: role
        for role in SPECIAL
        if role not in named and role in columns and columns[role].origin == "row" and role not in taken
    }
    if "timestamp" in named or "timestamp" in columns:
        return named | own
    times = usual_times(column for column in columns.values() if column.name not in taken)
    return named | own | ({"timestamp": times[0]} if times else {})


def _features(
    rows: Rows, columns: dict[str, Column], options: BuildOptions, roles: dict[str, str]
) -> dict[str, FeatureKind]:
    if options.features is not None:
        for name, kind in options.features.items():
            column = _column(rows, columns, name, "feature")
            if column.kind not in {"number", "category"} or (kind == "numeric" and column.kind != "number"):
                raise UsageError(f"{rows.path}: feature {name!r} is configured as {kind}, but its values are not")
        return {name: options.features[name] for name in columns if name in options.features}
    for name in options.ignored:
        _column(rows, columns, name, "ignored column")
    for name in options.chosen:
        if _column(rows, columns, name, "column").kind not in {"number", "category"}:
            raise UsageError(f"{rows.path}: column {name!r} holds {columns[name].what}; no feature can be made of it")
    nested = any(column.origin == "features" for column in rows.columns)
    special = {*roles.values(), *SPECIAL}
    found: dict[str, Column] = {}
    for name, column in columns.items():
        by_place = column.origin == "features" if nested else column.origin == "row" and name not in special
        none_of_ours = column.bookkeeping or name in roles.values()
        wanted = name in options.chosen or (by_place and not none_of_ours)
        if wanted and name not in options.ignored and column.kind in {"number", "category"}:
            found[name] = column
    # What names rows is no feature, unless there is nothing else.
    kept = {name: column for name, column in found.items() if not column.key or name in options.chosen} or found
    features: dict[str, FeatureKind] = {
        name: "numeric" if column.kind == "number" else "categorical" for name, column in kept.items()
    }
    if not features:
        raise UsageError(f"{rows.path}: no features: it has only {', '.join(columns)}; a column per feature is needed")
    return features


def _column(rows: Rows, columns: dict[str, Column], name: str, what: str) -> Column:
    if name not in columns:
        raise UsageError(f"{rows.path}: {what} {name!r} is not among its columns; {suggestion(name, columns)}")
    return columns[name]


def _prediction(rows: Rows, column: Column | None, label: Column | None, task: Task | None) -> PredictionMode | None:
    """How to read the prediction column. Lists of anything but scores are rankings, which have no profile."""
    if column is None or task == "ranking" or column.kind in UNREAD:
        return None
    if column.kind == "list":
        return _lists(rows, column, label, task)
    if task == "multiclass":
        return "category"
    if column.kind == "category" and DRESSED in column.note:
        raise UsageError(
            f"{rows.path}: column {column.name!r} holds {DRESSED}, or say --task multiclass if these are classes;"
            " lists are written [101,102]"
        )
    if task == "regression" and column.kind != "number":
        raise UsageError(f"{rows.path}: column {column.name!r} has text, but the task regression has numbers")
    return "number" if column.kind == "number" else "category"


def _lists(rows: Rows, column: Column, label: Column | None, task: Task | None) -> PredictionMode | None:
    """How to read lists: as scores of classes, of the two of a binary model, or as ranked items.

    Raises:
        UsageError: they are several outputs or labels a prediction.
    """
    first = next((batch.column(0) for batch, _ in rows.batches([column.name])), None)
    widest = None if first is None else pc.max(pc.list_value_length(first)).as_py()
    if task == "regression" and widest != 1:
        raise UsageError(
            f"{rows.path}: column {column.name!r} has lists, and the task regression has one number a prediction: log"
            " each output as a model of its own"
        )
    scores = first is not None and pa.types.is_floating(first.type.value_type)
    if widest == 1 and (task in {"regression", "multiclass"} or (task is None and scores)):
        raise UsageError(
            f"{rows.path}: column {column.name!r} has lists of one number: write the number itself (of a topic the map"
            f" `prediction: {column.name}.0` reads it), or --task binary where it is the score of the positive class"
        )
    if task is None and not scores:
        return None
    if label is not None and label.kind == "list":
        raise UsageError(
            f"{rows.path}: columns {column.name!r} and {label.name!r} both have lists: several labels or outputs a"
            " prediction are not read (one label each is; --task ranking for ranked and clicked items)"
        )
    if task == "binary" or (task is None and widest == 2):
        return "pair"
    return "scores"
