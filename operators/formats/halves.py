"""Halves: messages that are a request or its response alone, as systems log them, with what pairs them.

KServe's logger writes both as CloudEvents of one id, over Kafka in binary mode (attributes in `ce_` headers) or in
structured mode (an envelope in the value). Seldon Core 2 keeps requests and responses in topics of their own, named
`...inputs` and `...outputs`, under one key. What is paired is JSON: `{"prediction_id": .., "timestamp": ..,
"latency_ms": .., "request": {..}, "response": {..}}`, which presets read, see `operators/formats/logged.py`.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from operators.dead_letters import Reason
from operators.formats.literals import parsed
from operators.formats.packed import UnreadableError, unpacked
from operators.formats.payloads import missing
from operators.formats.schema import MAX_ID_LENGTH
from operators.formats.surroundings import Surroundings
from operators.formats.tensors import json_of
from operators.formats.times import EARLIEST, LATEST, moment_of
from operators.records import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from operators.records import Headers, RawBatch
    from operators.settings.source import SourceSettings

REQUEST, RESPONSE = ".inference.request", ".inference.response"
"""What the types of events end with: of KServe `org.kubeflow.serving...`, of Seldon `io.seldon.serving...`."""

INPUTS, OUTPUTS = ".inputs", ".outputs"
"""What the names of Seldon's topics end with: `PREFIX.NAMESPACE.model.NAME.inputs`."""

ABOUT = ("namespace", "component", "endpoint")
"""Attributes of KServe's events that are kept beside id, time and model."""

SERVICE = "inferenceservicename"
CE = "ce_"
REQUEST_ID = "x-request-id"
SIDES = {"requests": False, "responses": True}

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Half(NamedTuple):
    """A request or a response.

    Attributes:
        key: what pairs the two.
        answers: whether it is the response.
        at: when it was made, microseconds since the epoch.
        known: the time (ms) that it counts from: its own, or, where it came too late, the one it came too late for.
        body: JSON.
        about: further members of the paired object, as JSON without braces.
        source: number of the source by whose map it is read.
        topic: where it was read.
        place: partition and offset.
        written: the message's timestamp, ms.
        message_key: the message's key.
        headers: the message's headers.
    """

    key: str
    answers: bool
    at: int
    known: int
    body: bytes
    about: bytes
    source: int
    topic: str
    place: tuple[int, int]
    written: int
    message_key: bytes | None
    headers: Headers

    @property
    def stamp(self) -> int:
        """When it was made, ms."""
        return round(self.at / 1000)


class _Envelope(msgspec.Struct):
    """An event in structured mode."""

    type: str
    id: str | None = None
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None
    inferenceservicename: str | None = None
    namespace: str | None = None
    component: str | None = None
    endpoint: str | None = None


class _Found(NamedTuple):
    """What a message says of itself: group and id pair it, the others go into what is paired.

    Without a group it is paired within its source: two models may count their requests from 1.
    """

    answers: bool
    ident: str
    group: str
    time: str | None
    about: dict[str, str]
    body: bytes


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RAW = msgspec.json.Decoder(msgspec.Raw)


class HalfReader:
    """Reads the messages of a source whose requests and responses are messages of their own.

    Args:
        number: of the source by whose map pairs are read.
        source: it.
    """

    def __init__(self, number: int, source: SourceSettings) -> None:
        self._number = number
        self._side = SIDES.get(source.holds)
        self._read: Callable[[bytes, Surroundings, Headers], _Found | None]
        self._read = {"kserve": self._event, "seldon": self._of_topic}.get(str(source.preset), self._plain)
        given = source.map.prediction_id
        self._ident = given if given is not None and given.outside else None

    def __call__(self, value: bytes | None, number: int, batch: RawBatch) -> Half | None:
        """The half that message `number` of a batch is; None for one that is neither, such as one without a value.

        Raises:
            UnreadableError: it cannot be read, or says no id or time.
        """
        if value is None:
            return None
        if not value:
            raise UnreadableError(Reason.EMPTY, "a message without a record")
        headers = batch.envelopes.headers(number)
        around = Surroundings(batch, [number])
        found = self._read(unpacked(value), around, headers)
        if found is None:
            return None
        written = UNTIMED if batch.written is None else batch.written[number]
        micros = _micros(found.time, written)
        stamp = round(micros / 1000)
        about = {"prediction_id": found.ident, **found.about}
        return Half(
            f"{found.ident}\0{found.group or self._number}",
            found.answers,
            micros,
            stamp,
            _checked(found.body),
            msgspec.json.encode(about)[1:-1],
            self._number,
            batch.origin.topic,
            (batch.origin.partition, batch.envelopes.offset(number)),
            written,
            batch.envelopes.key(number),
            headers,
        )

    def _event(self, value: bytes, around: Surroundings, headers: Headers) -> _Found | None:
        """A CloudEvent."""
        held = dict(headers)
        kind = held.get(f"{CE}type")
        if kind is None:
            return self._structured(value, around)
        side = self._side_of(kind.decode("utf-8", "replace"))
        if side is None:
            return None
        said = {name: _text(held.get(f"{CE}{name}"), name) for name in ("id", "time", SERVICE, *ABOUT)}
        return self._of_event(side, said, value, around)

    def _structured(self, value: bytes, around: Surroundings) -> _Found | None:
        try:
            event = parsed(value, _ENVELOPE.decode)
        except msgspec.ValidationError:
            raise missing("type", "neither ce_ headers nor an envelope of a CloudEvent") from None
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise UnreadableError(Reason.BROKEN_JSON, str(error)) from None
        side = self._side_of(event.type)
        if side is None:
            return None
        return self._of_event(side, msgspec.structs.asdict(event), _data(event), around)

    def _of_event(self, side: bool, said: Mapping[str, Any], body: bytes, around: Surroundings) -> _Found:
        about = {name: said[name] for name in ABOUT if said[name] is not None}
        if said[SERVICE] is not None:
            about["model"] = said[SERVICE]
        ident = self._named(around) or said["id"]
        if not ident:
            raise missing("id", "an event without an id")
        group = f"{said[SERVICE]}\0{said['namespace']}\0{said['component']}\0{said['endpoint']}"
        return _Found(side, _fitting(ident), group, said["time"], about, body)

    def _side_of(self, kind: str) -> bool | None:
        """Whether a type of event is of responses; None where it is of neither, or not of what the source holds."""
        side = True if kind.endswith(RESPONSE) else False if kind.endswith(REQUEST) else None
        return side if self._side is None or side is self._side else None

    def _of_topic(self, value: bytes, around: Surroundings, headers: Headers) -> _Found | None:
        """A message of one of Seldon's topics, or one of its events."""
        if any(name == f"{CE}type" for name, _ in headers):
            return self._event(value, around, headers)
        topic = around.batch.origin.topic
        side = self._side
        if side is None:
            side = True if topic.endswith(OUTPUTS) else False if topic.endswith(INPUTS) else None
        if side is None:
            raise missing("topic", f"{topic} ends neither with {INPUTS} nor with {OUTPUTS}: holds says which it is")
        group, _, end = topic.rpartition(".")
        named = f".{end}" in {INPUTS, OUTPUTS}
        about = {"model": group.rpartition(".")[2]} if named else {}
        ident = self._named(around) or self._usual(value, around, headers)
        return _Found(side, ident, group if named else "", None, about, json_of(value, answers=side))

    def _plain(self, value: bytes, around: Surroundings, headers: Headers) -> _Found:
        """A body alone."""
        ident = self._named(around) or self._usual(value, around, headers)
        return _Found(bool(self._side), ident, "", None, {}, json_of(value, answers=bool(self._side)))

    def _named(self, around: Surroundings) -> str | None:
        """The id, where the map says where it is."""
        return None if self._ident is None else around.column(self._ident, "prediction_id")[0]

    @staticmethod
    def _usual(value: bytes, around: Surroundings, headers: Headers) -> str:
        """The id where it is usually: the message's key, a header, the body's own."""
        key = around.batch.envelopes.key(around.numbers[0])
        found = _text(key, "key") or next((_text(held, name) for name, held in headers if name == REQUEST_ID), None)
        if not found and value[:1] == b"{":
            try:
                found = parsed(value, _IDENTIFIED.decode).id
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                found = None
        if not found:
            raise UnreadableError(Reason.MISSING_FIELD, f"no id: neither a key, nor a header {REQUEST_ID}, nor `id`")
        return _fitting(found)


class _Identified(msgspec.Struct):
    """A body that may have an id."""

    id: str | None = None


_IDENTIFIED = msgspec.json.Decoder(_Identified)


def other_topic(topic: str) -> str | None:
    """By Seldon's names the topic of the responses to a topic's requests, or of the requests; None for other names."""
    for mine, other in ((INPUTS, OUTPUTS), (OUTPUTS, INPUTS)):
        if topic.endswith(mine):
            return topic.removesuffix(mine) + other
    return None


def kind_of(value: bytes) -> str | None:
    """The type of an event in structured mode; None where the value is none."""
    try:
        kind: str | None = parsed(value, _ENVELOPE.decode).type
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return kind


def _data(event: _Envelope) -> bytes:
    """The body of an event in structured mode."""
    if event.data_base64 is not None:
        try:
            return base64.b64decode(event.data_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UnreadableError(Reason.BAD_FORMAT, f"`data_base64`: {error}") from None
    body = bytes(event.data)
    if not body:
        raise missing("data", "an event without data")
    return msgspec.json.decode(body, type=str).encode() if body[:1] == b'"' else body


def _checked(body: bytes) -> bytes:
    """JSON on one line."""
    try:
        plain = bytes(parsed(body, _RAW.decode))
        return msgspec.json.format(plain, indent=-1) if b"\n" in plain or b"\r" in plain else plain
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableError(Reason.BROKEN_JSON, str(error)) from None


def _micros(time: str | None, written: int) -> int:
    """The time that an event says, or the one that its message was written at, in microseconds."""
    if time is None:
        if written == UNTIMED:
            raise UnreadableError(Reason.MISSING_FIELD, "no time, neither of the event nor of its message")
        return written * 1000
    found = _moment(time)
    if found is None:
        raise UnreadableError(Reason.BAD_TIMESTAMP, "`time`: no time of RFC 3339")
    micros = (found - _EPOCH) // _MICROSECOND
    if not EARLIEST <= micros / 1000 <= LATEST:
        raise UnreadableError(Reason.BAD_TIMESTAMP, "`time`: before the year 2000 or after 9999")
    return micros


def _moment(time: str) -> dt.datetime | None:
    """The time that a text is: nearly always one of RFC 3339, which is read at once."""
    try:
        found = dt.datetime.fromisoformat(time)
    except ValueError:
        return moment_of(time)
    return found if found.tzinfo is not None else moment_of(time)


def _text(value: bytes | None, name: str) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        raise UnreadableError(Reason.INVALID_TEXT, f"`{name}`: not UTF-8") from None


def _fitting(ident: str) -> str:
    if len(ident) > MAX_ID_LENGTH:
        raise UnreadableError(Reason.WRONG_TYPE, f"an id of {len(ident)} characters; at most {MAX_ID_LENGTH} are read")
    return ident
