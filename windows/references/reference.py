"""The reference: a profile of each column of a model while all was well, and its JSON form."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Annotated

import msgspec

from windows.arrays import IntArray
from windows.estimates.estimator import Estimator
from windows.estimates.estimator_json import EstimatorWire, estimator_from_wire, estimator_to_wire
from windows.joint.joint_json import JointWire, joint_from_wire, joint_to_wire
from windows.joint.reconstruct import Joint
from windows.outcomes.days import MOST_ALIKE, DayVariation
from windows.outcomes.layout import TaskOptions, task_layout
from windows.references.pace import Pace
from windows.references.pace_json import PaceWire, pace_from_wire, pace_to_wire
from windows.references.seasons import Seasons
from windows.references.seasons_json import SeasonsWire, seasons_from_wire, seasons_to_wire
from windows.sketches.profile_json import (
    Count,
    ProfileWire,
    SegmentWire,
    integers,
    numbers,
    profile_from_wire,
    profile_to_wire,
    segment_from_wire,
    segment_to_wire,
)
from windows.sketches.profiles import (
    CategoricalProfile,
    NumericProfile,
    Profile,
    ReferenceError_,
    SegmentCounts,
    slot_count,
    slots,
)
from windows.sketches.quantiles import LATENCY_BINS
from windows.values import Reading

__all__ = [
    "CategoricalProfile",
    "NumericProfile",
    "Profile",
    "Reference",
    "ReferenceError_",
    "SegmentCounts",
    "from_json",
    "seal",
    "slot_count",
    "slots",
    "to_json",
]

FORMAT = "driftgauge.reference"
FORMAT_VERSION = 3
"""Before 3, edges lay at single floats, names of categories and outcomes were counted in another way."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What is normal for one model. Two references are the same when their ids are.

    Attributes:
        model: name of the model.
        rows: rows the profiles were counted on; failed predictions are not among them.
        start: earliest event time, ms since epoch; None when the rows had no timestamp.
        end: latest event time, ms since epoch.
        features: profile of each feature, in column order.
        prediction: profile of the prediction; None when the rows had none (or rankings).
        latency: int64[LATENCY_BINS] counts in the log bins of windows.sketches.quantiles; None without a latency_ms
            column.
        error_rows: failed predictions seen beside `rows`.
        segments: key -> value -> counts. Rare values and those beyond the cap are merged into the value "other".
        id: "sha256:<hex>" of all of this.
        task: what the outcomes are of; None when no row had a label.
        outcomes: int64[task_layout(task, prediction).size], the outcomes of the rows: what performance is compared
            with.
        label_days: metric -> how much it differs from day to day beyond what rows explain; without those that do not.
        estimator: how outcomes follow from predictions; None when too few rows had a label, or none can be made.
        classes: names that labels may have, where they are names.
        positions: names of the positions of a list of class scores; none for "0", "1", ...
        positive: binary: the label that was counted as positive, any other text being negative; None for 0 and 1.
        readings: feature -> how its values are read, where that is not as they are.
        notes: what a user should know of how the rows were read; no part of the content.
        pace: how its rows were spread over time; None when they had no timestamp.
        seasons: what was normal at which hours of the week; None where all hours are alike, or nobody asked.
        joint: what was normal of its features together; None where nobody asked, or too few vary.
        columns: our name of a special column -> its name in the rows, where that is another; no part of the content.
        versions: references of versions that have one of their own, on the same edges (see windows.references.edges);
            no part of the content.
    """

    model: str
    rows: int
    start: int | None
    end: int | None
    features: dict[str, Profile]
    prediction: Profile | None
    latency: IntArray | None
    error_rows: int
    segments: dict[str, dict[str, SegmentCounts]]
    id: str
    task: TaskOptions | None = None
    outcomes: IntArray | None = None
    estimator: Estimator | None = None
    positive: str | None = None
    readings: dict[str, Reading] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pace: Pace | None = None
    classes: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()
    seasons: Seasons | None = None
    joint: Joint | None = None
    columns: dict[str, str] = field(default_factory=dict)
    versions: dict[str, "Reference"] = field(default_factory=dict)
    label_days: dict[str, DayVariation] = field(default_factory=dict)


class _DayWire(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """How a metric differs from day to day."""

    deviation: Annotated[float, msgspec.Meta(ge=0.0)]
    correlation: Annotated[float, msgspec.Meta(ge=0.0, le=MOST_ALIKE)]
    days: Annotated[int, msgspec.Meta(ge=2)]


class _OutcomesWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The options that say what the slots are, and the slots."""

    task: TaskOptions
    slots: list[int]
    positive: str | None = None
    days: dict[str, _DayWire] = {}


class _ReadingWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How a feature is read."""

    missing: tuple[str, ...] = ()
    resolution: float | None = None


class _ContentWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Everything the id is a hash of; the order of the fields is part of the format."""

    model: str
    rows: Count
    start: int | None
    end: int | None
    features: dict[str, ProfileWire]
    prediction: ProfileWire | None
    latency: list[Count] | None
    error_rows: Count
    segments: dict[str, dict[str, SegmentWire]]
    outcomes: _OutcomesWire | None = None
    estimator: EstimatorWire | None = None
    readings: dict[str, _ReadingWire] = {}
    pace: PaceWire | None = None
    classes: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()
    seasons: SeasonsWire | None = None
    joint: JointWire | None = None


class _FileWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    format_version: int
    id: str
    reference: _ContentWire
    notes: tuple[str, ...] = ()
    columns: dict[str, str] = {}


class _HeadWire(msgspec.Struct):
    """Read first, so that a file of a later version is refused by its number and not by an unknown field."""

    format: str | None = None
    format_version: int | None = None


def seal(reference: Reference) -> Reference:
    """The same reference with the id that its content has."""
    return replace(reference, id=_hash(_content(reference)))


def to_json(reference: Reference) -> bytes:
    """The JSON file of a reference, UTF-8, ending in a newline. The id is computed from the content."""
    content = _content(reference)
    file = _FileWire(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        id=_hash(content),
        reference=content,
        notes=reference.notes,
        columns=reference.columns,
    )
    return msgspec.json.encode(file) + b"\n"


def from_json(data: bytes) -> Reference:
    """The reference in a JSON file.

    Raises:
        ReferenceError_: not a reference, another format version, edited by hand, or broken shapes.
    """
    try:
        head = msgspec.json.decode(data, type=_HeadWire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReferenceError_(f"not a reference file: {error}") from None
    if head.format != FORMAT:
        raise ReferenceError_(f'not a reference file: "format" is not "{FORMAT}"')
    if head.format_version != FORMAT_VERSION:
        raise ReferenceError_(
            f"format version {head.format_version}; this driftgauge reads version {FORMAT_VERSION}: build it again"
        )
    try:
        file = msgspec.json.decode(data, type=_FileWire)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReferenceError_(f"broken reference: {error}") from None
    identity = _hash(file.reference)
    if identity != file.id:
        raise ReferenceError_(f"its content has id {identity}, but it says {file.id}: it was changed after the build")
    return replace(_reference(file.reference, identity), notes=file.notes, columns=file.columns)


def _hash(content: _ContentWire) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _content(reference: Reference) -> _ContentWire:
    return _ContentWire(
        model=reference.model,
        rows=int(reference.rows),
        start=None if reference.start is None else int(reference.start),
        end=None if reference.end is None else int(reference.end),
        features={name: profile_to_wire(profile) for name, profile in reference.features.items()},
        prediction=None if reference.prediction is None else profile_to_wire(reference.prediction),
        latency=None if reference.latency is None else numbers(reference.latency),
        error_rows=int(reference.error_rows),
        segments={
            key: {value: segment_to_wire(counts) for value, counts in values.items()}
            for key, values in reference.segments.items()
        },
        outcomes=None
        if reference.task is None or reference.outcomes is None
        else _OutcomesWire(
            task=reference.task,
            slots=numbers(reference.outcomes),
            positive=reference.positive,
            days={
                name: _DayWire(one.deviation, one.correlation, one.days)
                for name, one in sorted(reference.label_days.items())
            },
        ),
        estimator=None if reference.estimator is None else estimator_to_wire(reference.estimator),
        readings={
            name: _ReadingWire(reading.missing, reading.resolution)
            for name, reading in sorted(reference.readings.items())
        },
        pace=None if reference.pace is None else pace_to_wire(reference.pace),
        classes=reference.classes,
        positions=reference.positions,
        seasons=None if reference.seasons is None else seasons_to_wire(reference.seasons),
        joint=None if reference.joint is None else joint_to_wire(reference.joint),
    )


def _reference(content: _ContentWire, identity: str) -> Reference:
    if content.latency is not None and len(content.latency) != LATENCY_BINS:
        raise ReferenceError_(f"latency: {len(content.latency)} counts; {LATENCY_BINS} are needed")
    features = {
        name: profile_from_wire(f"feature {name!r}", wire, content.rows) for name, wire in content.features.items()
    }
    prediction = (
        None if content.prediction is None else profile_from_wire("prediction", content.prediction, content.rows)
    )
    columns = [*features.values(), *([] if prediction is None else [prediction])]
    return Reference(
        model=content.model,
        rows=content.rows,
        start=content.start,
        end=content.end,
        features=features,
        prediction=prediction,
        latency=None if content.latency is None else integers(content.latency),
        error_rows=content.error_rows,
        segments={
            key: {
                value: segment_from_wire(f"{key}={value}", wire, features, prediction) for value, wire in values.items()
            }
            for key, values in content.segments.items()
        },
        id=identity,
        task=None if content.outcomes is None else content.outcomes.task,
        outcomes=None if content.outcomes is None else _outcomes(content.outcomes, prediction),
        estimator=None if content.estimator is None else estimator_from_wire(content.estimator, columns, prediction),
        positive=None if content.outcomes is None else content.outcomes.positive,
        label_days={}
        if content.outcomes is None
        else {
            name: DayVariation(wire.deviation, wire.correlation, wire.days)
            for name, wire in content.outcomes.days.items()
        },
        readings={name: Reading(wire.missing, wire.resolution) for name, wire in content.readings.items()},
        pace=None if content.pace is None else pace_from_wire(content.pace),
        classes=content.classes,
        positions=content.positions,
        seasons=None if content.seasons is None else seasons_from_wire(content.seasons, features, prediction),
        joint=None if content.joint is None else joint_from_wire(content.joint, features, _hours(content)),
    )


def _hours(content: _ContentWire) -> int:
    return 0 if content.seasons is None else len(content.seasons.classes)


def _outcomes(wire: _OutcomesWire, prediction: Profile | None) -> IntArray:
    try:
        layout = task_layout(wire.task, prediction)
    except ValueError as error:
        raise ReferenceError_(f"outcomes: {error}") from None
    if len(wire.slots) != layout.size or any(abs(slot) >= 2**63 for slot in wire.slots):
        raise ReferenceError_(f"outcomes: {len(wire.slots)} slots; {layout.size} of 64 bits are needed")
    return integers(wire.slots)
