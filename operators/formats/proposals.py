"""Proposals: a source that would read some messages, where they are of a known protocol or have the usual names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operators.formats.by_value import answer_in, at_path, ident_in, spelled_truth, time_in, truth_in, unit_of
from operators.formats.guesses import SHAPES, paths_in, usual_places
from operators.formats.joined import Answers, halves_in, joined
from operators.formats.map_tree import MapError
from operators.formats.mixtures import arrays_in, elements, kinds_around, kinds_in, of_kind
from operators.formats.packed import ERRORS
from operators.formats.plain import FEEDBACK, PREDICTION, PlainReader
from operators.formats.schemas import PREFIX
from operators.formats.surroundings import Surroundings
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.formats.joined import Joined
    from operators.formats.plain import PlainRecord
    from operators.formats.schemas import Schemas
    from operators.records import Headers, RawBatch

_LATENCY = re.compile(
    r"(?:latency|duration|elapsed|took|runtime|response_time|processing_time|inference_time|total)"
    r"(?:_?(?P<unit>ns|us|micros|ms|millis|s|sec|seconds))?"
)
_SCALES = {"ns": 1e-6, "us": 1e-3, "micros": 1e-3, "s": 1e3, "sec": 1e3, "seconds": 1e3}
ARROW = b"\xff\xff\xff\xff"
"""What an Arrow IPC stream begins with."""

_FIELDS = ("prediction_id", "timestamp", "model", "version", "prediction")
_ANSWERS = ("prediction_id", "timestamp", "label")
_ANSWERED = frozenset({"prediction", "error", "label", "value"})
SURE = 0.9
"""The share of records with a prediction, an error or a label that makes one sure of a source."""

_EVENT_HEADER = "ce_id"


@dataclass(frozen=True, slots=True)
class Tried:
    """What a source makes of some messages.

    Attributes:
        settings: what `sources` would say of it, beside its topic.
        source: the same.
        good: of how many messages every record is a prediction, or feedback where it holds that.
        found: how many fields of the contract have a value in them.
        sure: whether nearly every record has a prediction, or a label: features alone are found in anything.
        looks: what the messages look like, in words; empty for the usual names.
        answers: how the responses of another topic are read; None where there are none.
        pairs: how many requests were put together with their responses.
    """

    settings: dict[str, Any]
    source: SourceSettings
    good: int
    found: int
    sure: bool = False
    looks: str = ""
    answers: SourceSettings | None = None
    pairs: int = 0

    @property
    def rank(self) -> tuple[int, bool, int]:
        """How well it reads them."""
        return self.good, self.sure, self.found


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


def tried(
    batch: RawBatch,
    settings: dict[str, Any],
    schemas: Schemas | None = None,
    looks: str = "",
    responses: RawBatch | None = None,
) -> Tried | None:
    """What a source makes of some messages, and of the responses of another topic; None where it is none."""
    try:
        source = SourceSettings.model_validate({"topic": batch.origin.topic, **settings})
        answers = None if responses is None else answering(settings, responses.origin.topic)
        reader = PlainReader(source, schemas)
    except (ValueError, MapError):
        return None
    good = found = answered = total = pairs = 0
    together = None if responses is None or answers is None else Answers(responses, answers)
    messages = joined(batch, source, together)
    good += len(messages.skipped)
    for number, parts in enumerate(messages.parts):
        fields = _reads(reader, messages, number)
        good += 0 if fields is None else len(parts)
        pairs += fields is not None and len(parts) > 1
        for some in fields or ():
            found += len(some)
            answered += bool(some & _ANSWERED)
            total += 1
    return Tried(settings, source, good, found, SURE * total <= answered > 0, looks, answers, pairs)


def answering(settings: dict[str, Any], topic: str) -> SourceSettings:
    """How the responses to the requests of a source are read: the id is where it is in those.

    Raises:
        ValueError: the source is none of requests.
    """
    return SourceSettings.model_validate({"topic": topic, **answering_settings(settings)})


def answering_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The same as a config says it, beside the topic."""
    if settings.get("holds") != "requests":
        return settings
    given = settings.get("map") or {}
    ident = {"map": {"prediction_id": given["prediction_id"]}} if "prediction_id" in given else {}
    wait = {"pair": settings["pair"]} if "pair" in settings else {}
    return {"holds": "responses", "preset": settings.get("preset"), **ident, **wait}


def _reads(reader: PlainReader, messages: Joined, number: int) -> list[set[str]] | None:
    """Which fields each record of a message has; None where some of it does not count."""
    try:
        records = list(messages.records(reader, number))
    except ERRORS:
        return None
    read = [record for record in records if not record.skipped]
    if not records or not all(counts(record, reader.source) for record in read):
        return None
    names = FEEDBACK if reader.source.holds == "feedback" else PREDICTION
    return [{name for name in names if record.value(name) is not None} for record in read]


def counts(record: PlainRecord, source: SourceSettings) -> bool:
    """Whether a record is what its source holds."""
    if source.holds == "feedback":
        return record.labels
    answered = source.in_halves and record.value("prediction") is not None
    return record.predicts or answered or (source.holds == "both" and record.labels)


def _candidates(batch: RawBatch, schemas: Schemas | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Sources that might fit, the likeliest first."""
    for preset, words in halves_in(batch):
        yield from of_preset(batch, {"preset": preset}, schemas, words)
    for settings in _formats(batch, schemas):
        roots = _roots(batch, settings, schemas)
        if not roots:
            continue
        if settings:
            yield settings, f"format {settings['format']}"
        for preset, words in _presets(batch, roots):
            yield from of_preset(batch, {**settings, "preset": preset}, schemas, words)
        for given in _shaped(roots, batch.written):
            yield {**settings, **given}, ""
        for given in _filtered(batch, settings, roots, schemas):
            yield {**settings, **given}, "messages of several kinds"


def _shaped(roots: Sequence[dict[str, Any]], written: Sequence[int] | None) -> Iterator[dict[str, Any]]:
    """Maps of messages that are a record each, and of those that hold several in an array."""
    yield from _maps(roots, () if written is None else written)
    for path in arrays_in(roots):
        for given in _maps(elements(roots, path)):
            yield {"split": path, **given}


def _filtered(
    batch: RawBatch, settings: dict[str, Any], roots: Sequence[dict[str, Any]], schemas: Schemas | None
) -> Iterator[dict[str, Any]]:
    """Maps for some of the messages, where a text tells them from the others: every message is read or skipped then."""
    headers = [batch.envelopes.headers(number) for number in range(len(batch.values))]
    places = [("path", path, values) for path, values in kinds_in(roots)]
    places += [("header", name, values) for name, values in kinds_around(headers)]
    for place, name, values in places:
        if len(values) < 2:
            continue
        for value in values:
            mine = of_kind(roots, name, value) if place == "path" else _behind(roots, headers, name, value)
            for given in _shaped(mine, batch.written):
                if place == "path" and "split" in given and name.startswith(f"{given['split']}."):
                    continue
                wanted = [one for one in values if _whole(batch, {**settings, **given}, place, name, one, schemas)]
                if value in wanted and len(wanted) < len(values):
                    yield {"where": {place: name, "in": wanted}, **given}


def _behind(
    roots: Sequence[dict[str, Any]], headers: Sequence[Headers], name: str, value: str
) -> Sequence[dict[str, Any]]:
    """The objects of messages with this header, where each message is one."""
    if len(roots) != len(headers):
        return ()
    return [root for root, held in zip(roots, headers, strict=True) if (name, value.encode()) in held]


def _whole(
    batch: RawBatch, settings: dict[str, Any], place: str, name: str, value: str, schemas: Schemas | None
) -> bool:
    """Whether every message with this text is read by a source."""
    one = tried(batch, {**settings, "where": {place: name, "in": [value]}}, schemas)
    return one is not None and one.good == len(batch.values) and one.found > 0


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
    source = SourceSettings.model_validate({"topic": batch.origin.topic, **settings})
    reader, batch = PlainReader(source, schemas), joined(batch, source).batch
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


def of_preset(
    batch: RawBatch, settings: dict[str, Any], schemas: Schemas | None, words: str
) -> Iterator[tuple[dict[str, Any], str]]:
    """A preset, with names for features that come by position, or as feedback."""
    about = settings.get("map", {})
    rows = _roots(batch, settings, schemas)
    lists = [row["features"] for row in rows if isinstance(row.get("features"), list)]
    if lists:
        names = {"features": {"names": [f"f{at}" for at in range(max(map(len, lists)))]}}
        yield {**settings, "map": {**about, **names}}, words
    yield settings, words
    if "holds" in settings:
        return
    yield {**settings, "holds": "feedback"}, words
    for given in _maps(rows):
        yield {**settings, **given}, words


def _maps(roots: Sequence[dict[str, Any]], guessed: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
    """Maps by the usual names, and by values where names do not help: of predictions, and of feedback.

    Args:
        roots: records.
        guessed: when their messages were written; None: by names alone.
    """
    if not roots:
        return
    usual = [usual_places(root) for root in roots]
    places = {field: place for field in (*_FIELDS, "features", "label") if (place := _usually(field, usual))}
    if guessed is not None:
        places |= _by_value(roots, places, guessed)
    about = {field: _place(field, places[field], roots) for field in _FIELDS if field in places}
    latency = _latency(roots)
    timing = {} if latency is None else {"latency_ms": latency}
    taken = [
        place.split(".") for field, place in places.items() if field in {"prediction_id", "timestamp", "prediction"}
    ]
    taken += [] if latency is None else [(latency if isinstance(latency, str) else latency["path"]).split(".")]
    for features in _features(roots, places, taken):
        yield {"map": {**about, **timing, **features}}
    if guessed is not None:
        places |= _of_answers(roots, places)
        about |= {field: places[field] for field in ("prediction_id",) if field in places}
    label = {"label": _label(places["label"], roots)} if "label" in places else {}
    named = {field: about[field] for field in _ANSWERS if field in about}
    yield {"holds": "feedback", **({"map": {**named, **label}} if named or label else {})}


def _of_answers(roots: Sequence[dict[str, Any]], places: dict[str, str]) -> dict[str, str]:
    """Where id and label are in records that hold hardly more, if no name says it."""
    if {"prediction", "features"} & places.keys() or _has(roots, "features") or _has(roots, "prediction"):
        return {}
    found: dict[str, str | None] = {}
    if "prediction_id" not in places and not _has(roots, "prediction_id"):
        found["prediction_id"] = ident_in(roots, places.values())
    if "label" not in places and not (_has(roots, "label") or _has(roots, "value")):
        known = {place.split(".")[0] for place in (*places.values(), *found.values()) if place is not None}
        found["label"] = truth_in(roots, {*known, *_FIELDS, "kind"})
    return {field: place for field, place in found.items() if place is not None}


def _label(path: str, roots: Sequence[dict[str, Any]]) -> Any:
    """A path, with what words for truth are."""
    words = spelled_truth([at_path(root, path.split(".")) for root in roots])
    return path if words is None else {"path": path, "values": words}


def _by_value(roots: Sequence[dict[str, Any]], places: dict[str, str], written: Sequence[int]) -> dict[str, str]:
    """Where time and prediction are, if no name says it."""
    found = {}
    if "timestamp" not in places and not _has(roots, "timestamp"):
        found["timestamp"] = time_in(roots, written)
    if not {"prediction", "label"} & places.keys() and not _has(roots, "prediction"):
        found["prediction"] = answer_in(roots, places.values())
    return {field: place for field, place in found.items() if place is not None}


def _has(roots: Sequence[dict[str, Any]], field: str) -> bool:
    """Whether some records have a field under its own name."""
    return any(root.get(field) is not None for root in roots)


def _usually(field: str, usual: Sequence[dict[str, str]]) -> str | None:
    """Where a field is in most records that have it."""
    found = Counter(places[field] for places in usual if field in places)
    (place, count), *_ = [*found.most_common(1), (None, 0)]
    return place if 2 * count > len(usual) else None


def _place(field: str, path: str, roots: Sequence[dict[str, Any]]) -> Any:
    """A path, with the unit of a time that is text."""
    unit = unit_of([at_path(root, path.split(".")) for root in roots]) if field == "timestamp" else None
    return path if unit is None else {"path": path, "unit": unit}


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


def _features(
    roots: Sequence[dict[str, Any]], places: dict[str, str], taken: Sequence[list[str]]
) -> Iterator[dict[str, Any]]:
    """Where the features may be: in an object or array that is called so, or at the root; `taken` are other fields."""
    base = places.get("features", "features")
    held = [at_path(root, base.split(".")) for root in roots]
    if any(isinstance(one, dict) for one in held):
        base, drop = _without_answers(roots, base.split("."), places.get("prediction", ""), taken)
        held = [at_path(root, base.split(".")) for root in roots]
        flat = not any(isinstance(value, dict) for one in held if isinstance(one, dict) for value in one.values())
        if flat and not drop:
            yield {} if base == "features" else {"features": base}
        else:
            yield {
                "features": {"path": base, **({} if flat else {"flatten": True}), **({"drop": drop} if drop else {})}
            }
    elif lists := [one for one in held if isinstance(one, list)]:
        yield {"features": {"path": base, "names": [f"f{at}" for at in range(max(map(len, lists)))]}}
    elif any(_own(root, places, (str, int, float, bool)) for root in roots):
        nested = any(_own(root, places, (dict,)) for root in roots)
        yield {"features": {"path": "$", "flatten": True} if nested else "$"}


def _without_answers(
    roots: Sequence[dict[str, Any]], base: list[str], answer: str, taken: Sequence[list[str]]
) -> tuple[str, list[str]]:
    """The object with features and not what was made of them, and the keys in it that are other fields.

    What is beside a prediction, in an object of its own, is as much of an answer: a score is no feature of itself.
    """
    beside = answer.split(".")[:-1]
    while beside[: len(base)] == base and len(beside) > len(base):
        inside = {key for root in roots for key in _keys(at_path(root, base))}
        others = inside - {beside[len(base)]}
        if len(others) != 1 or not all(isinstance(at_path(root, base), dict | None) for root in roots):
            break
        (other,) = others
        if not any(isinstance(at_path(root, [*base, other]), dict) for root in roots):
            break
        base = [*base, other]
    depth = len(base)
    drop = {".".join(path[depth:]) for path in taken if path[:depth] == base and len(path) > depth}
    if beside[:depth] == base and len(beside) > depth:
        leaves = (path for root in roots for path, value in paths_in(root) if not isinstance(value, dict))
        drop |= {".".join(path[depth:]) for path in leaves if list(path[: len(beside)]) == beside}
    return ".".join(base), sorted(drop)


def _keys(held: Any) -> Iterator[str]:
    return iter(held) if isinstance(held, dict) else iter(())


def _own(root: dict[str, Any], places: dict[str, str], kinds: tuple[type, ...]) -> list[str]:
    """What on top of a record is of these types, and no field by its name."""
    taken = {place.split(".")[0] for place in places.values()}
    known = {"prediction_id", "timestamp", "model", "version", "prediction", "latency_ms", "error", "label", "value"}
    plain = [key for key, value in root.items() if isinstance(value, kinds)]
    return [key for key in plain if key not in taken | known]
