"""Proposals: a source that would read some messages, where they are of a known protocol or have the usual names."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.field_map import MapError
from operators.formats.guesses import SHAPES, paths_in, usual_places
from operators.formats.packed import ERRORS
from operators.formats.plain import FEEDBACK, PREDICTION, PlainReader
from operators.formats.schemas import PREFIX
from operators.formats.surroundings import Surroundings
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.formats.plain import PlainRecord
    from operators.formats.schemas import Schemas
    from operators.records import RawBatch

_LATENCY = re.compile(
    r"(?:latency|duration|elapsed|took|runtime|response_time|processing_time|inference_time|total)"
    r"(?:_?(?P<unit>ns|us|micros|ms|millis|s|sec|seconds))?"
)
_SCALES = {"ns": 1e-6, "us": 1e-3, "micros": 1e-3, "s": 1e3, "sec": 1e3, "seconds": 1e3}
ARROW = b"\xff\xff\xff\xff"
"""What an Arrow IPC stream begins with."""

_FIELDS = ("prediction_id", "timestamp", "model", "version", "prediction")
_ANSWERS = ("prediction_id", "timestamp", "label")
_EVENT_HEADER = "ce_id"


@dataclass(frozen=True, slots=True)
class Tried:
    """What a source makes of some messages.

    Attributes:
        settings: what `sources` would say of it, beside its topic.
        source: the same.
        good: of how many messages every record is a prediction, or feedback where it holds that.
        found: how many fields of the contract have a value in them.
        looks: what the messages look like, in words; empty for the usual names.
    """

    settings: dict[str, Any]
    source: SourceSettings
    good: int
    found: int
    looks: str = ""

    @property
    def rank(self) -> tuple[int, int]:
        """How well it reads them."""
        return self.good, self.found


def proposed(batch: RawBatch, schemas: Schemas | None = None) -> Tried | None:
    """The source that reads most of some messages, if it is another than the contract's own shape.

    Args:
        batch: the messages.
        schemas: those of the registry, if there is one.
    """
    own = tried(batch, {}, schemas)
    best = own
    for settings, looks in _candidates(batch, schemas):
        one = tried(batch, settings, schemas, looks)
        if one is not None and (best is None or one.rank > best.rank):
            best = one
    return best if best is not own and best is not None and best.good else None


def tried(batch: RawBatch, settings: dict[str, Any], schemas: Schemas | None = None, looks: str = "") -> Tried | None:
    """What a source makes of some messages; None where it is none."""
    try:
        source = SourceSettings.model_validate({"topic": batch.origin.topic, **settings})
        reader = PlainReader(source, schemas)
    except (ValueError, MapError):
        return None
    good = found = 0
    for number in range(len(batch.values)):
        fields = _reads(reader, batch, number)
        good += fields is not None
        found += fields or 0
    return Tried(settings, source, good, found, looks)


def _reads(reader: PlainReader, batch: RawBatch, number: int) -> int | None:
    """How many fields there are in a message; None where some of it does not count."""
    try:
        records = list(reader.records(batch.values[number], Surroundings(batch, [number])))
    except ERRORS:
        return None
    if not records or not all(counts(record, reader.source) for record in records if not record.skipped):
        return None
    names = FEEDBACK if reader.source.holds == "feedback" else PREDICTION
    return sum(record.value(name) is not None for record in records for name in names)


def counts(record: PlainRecord, source: SourceSettings) -> bool:
    """Whether a record is what its source holds."""
    if source.holds == "feedback":
        return record.labels
    return record.predicts or (source.holds == "both" and record.labels)


def _candidates(batch: RawBatch, schemas: Schemas | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Sources that might fit, the likeliest first."""
    for settings in _formats(batch, schemas):
        roots = _roots(batch, settings, schemas)
        if not roots:
            continue
        if settings:
            yield settings, f"format {settings['format']}"
        for preset, words in _presets(batch, roots):
            yield from _of_preset(batch, {**settings, "preset": preset}, schemas, words)
        for given in _maps(roots):
            yield {**settings, **given}, ""


def _formats(batch: RawBatch, schemas: Schemas | None) -> Iterator[dict[str, Any]]:
    values = [value for value in batch.values if value]
    yield {}
    if values and values[0].startswith(ARROW):
        yield {"format": "arrow"}
    elif values and values[0][:1] not in {b"{", b"["}:
        yield {"format": "msgpack"}
        if schemas is not None and all(len(value) >= PREFIX for value in values):
            yield {"format": "avro"}
            yield {"format": "protobuf"}


def _roots(batch: RawBatch, settings: dict[str, Any], schemas: Schemas | None) -> list[dict[str, Any]]:
    """The objects that the messages hold in some format; none where some are of another one."""
    reader = PlainReader(SourceSettings.model_validate({"topic": batch.origin.topic, **settings}), schemas)
    found: list[dict[str, Any]] = []
    for number, value in enumerate(batch.values):
        try:
            found += [
                root for root in reader.roots(value, Surroundings(batch, [number])) if isinstance(root, dict) and root
            ]
        except ERRORS:
            continue
    return found


def _presets(batch: RawBatch, roots: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Presets by the keys of most objects, or by the headers."""
    names: Counter[tuple[str, str]] = Counter()
    for root in roots:
        names.update({(preset, words) for keys, preset, words in SHAPES if preset and keys <= root.keys()})
        if any(isinstance(one, dict) and {"name", "shape"} <= one.keys() for one in _inputs(root)):
            names["inference_v2", "the Open Inference Protocol (V2)"] += 1
    if any(name == _EVENT_HEADER for number in range(len(batch.values)) for name, _ in batch.envelopes.headers(number)):
        names["cloudevents", "CloudEvents"] += 1
    for preset, _ in names.most_common():
        yield preset


def _inputs(root: dict[str, Any]) -> list[Any]:
    """The tensors of a request, if these are some."""
    request = root.get("request", root)
    found = request.get("inputs") if isinstance(request, dict) else None
    return found if isinstance(found, list) else []


def _of_preset(
    batch: RawBatch, settings: dict[str, Any], schemas: Schemas | None, words: str
) -> Iterator[tuple[dict[str, Any], str]]:
    """A preset, with names for features that come by position, or as feedback."""
    rows = _roots(batch, settings, schemas)
    lists = [row["features"] for row in rows if isinstance(row.get("features"), list)]
    if lists:
        yield {**settings, "map": {"features": {"names": [f"f{at}" for at in range(max(map(len, lists)))]}}}, words
    yield settings, words
    yield {**settings, "holds": "feedback"}, words
    for given in _maps(rows):
        yield {**settings, **given}, words


def _maps(roots: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Maps by the usual names: of predictions, and of feedback."""
    if not roots:
        return
    usual = [usual_places(root) for root in roots]
    places = {field: place for field in (*_FIELDS, "features", "label") if (place := _usually(field, usual))}
    about = {field: _place(field, places[field], roots) for field in _FIELDS if field in places}
    latency = _latency(roots)
    timing = {} if latency is None else {"latency_ms": latency}
    for features in _features(roots, places):
        yield {"map": {**about, **timing, **features}}
    label = {"label": places["label"]} if "label" in places else {}
    named = {field: about[field] for field in _ANSWERS if field in about}
    yield {"holds": "feedback", **({"map": {**named, **label}} if named or label else {})}


def _usually(field: str, usual: Sequence[dict[str, str]]) -> str | None:
    """Where a field is in most records that have it."""
    found = Counter(places[field] for places in usual if field in places)
    (place, count), *_ = [*found.most_common(1), (None, 0)]
    return place if 2 * count > len(usual) else None


def _place(field: str, path: str, roots: Sequence[dict[str, Any]]) -> Any:
    """A path, with the unit of a time that is text."""
    if field != "timestamp" or not all(_is_time(_at(root, path)) for root in roots):
        return path
    return {"path": path, "unit": "rfc3339"}


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(msgspec.convert(value, dt.datetime, strict=False))
    except msgspec.ValidationError:
        return False


def _latency(roots: Sequence[dict[str, Any]]) -> Any:
    """Where the latency is, by its name, and what makes it milliseconds."""
    if any("latency_ms" in root for root in roots):
        return None
    for path, value in paths_in(roots[0]):
        found = _LATENCY.fullmatch(path[-1].lower())
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if found is None or not number or (found[0] == "total"):
            continue
        scale = _SCALES.get(found["unit"] or "ms")
        return ".".join(path) if scale is None else {"path": ".".join(path), "scale": scale}
    return None


def _features(roots: Sequence[dict[str, Any]], places: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Where the features may be: in an object or array that is called so, or at the root."""
    base = places.get("features", "features")
    held = [_at(root, base) for root in roots]
    if any(isinstance(one, dict) for one in held):
        flat = not any(isinstance(value, dict) for one in held if isinstance(one, dict) for value in one.values())
        if flat:
            yield {} if base == "features" else {"features": base}
        else:
            yield {"features": {"path": base, "flatten": True}}
    elif lists := [one for one in held if isinstance(one, list)]:
        yield {"features": {"path": base, "names": [f"f{at}" for at in range(max(map(len, lists)))]}}
    elif any(_own(root, places) for root in roots):
        yield {"features": "$"}


def _own(root: dict[str, Any], places: dict[str, str]) -> list[str]:
    """Numbers and texts on top of a record that are no field by their names."""
    taken = {place.split(".")[0] for place in places.values()}
    known = {"prediction_id", "timestamp", "model", "version", "prediction", "latency_ms", "error", "label", "value"}
    plain = [key for key, value in root.items() if isinstance(value, str | int | float | bool)]
    return [key for key in plain if key not in taken | known]


def _at(root: Any, path: str) -> Any:
    for step in path.split("."):
        root = root.get(step) if isinstance(root, dict) else None
    return root
