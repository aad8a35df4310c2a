"""Records that cannot be read: the bounded set of reasons, and what is kept of each record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a record was rejected. Shown in a header and as a metric label: the set is fixed."""

    EMPTY = "empty"
    """No bytes, or only white space. A message without a value is a tombstone, and none of these."""
    OVERSIZED = "oversized"
    """Longer than MAX_RECORD_BYTES."""
    BROKEN_JSON = "broken_json"
    """Not JSON: cut off, trailing characters, nested too deep."""
    INVALID_TEXT = "invalid_text"
    """Not UTF-8, or a lone surrogate in a string."""
    NON_FINITE = "non_finite"
    """A number beyond what 64-bit floats hold."""
    WRONG_TYPE = "wrong_type"
    """A field of another type than the contract's, or not an object at all."""
    MISSING_FIELD = "missing_field"
    """No model; no features on a prediction that did not fail; feedback that says nothing, or not of what."""
    UNKNOWN_MODEL = "unknown_model"
    """A model that the config does not name."""
    BAD_TIMESTAMP = "bad_timestamp"
    """Neither RFC 3339 with an offset nor epoch ms, or before the year 2000 (seconds taken for milliseconds)."""
    TIMESTAMP_AHEAD = "timestamp_ahead"
    """Later than `time.max_ahead` beyond the time the message was written."""
    BAD_FORMAT = "bad_format"
    """Not of the format that its source names, or cut off when unpacked."""
    UNKNOWN_SCHEMA = "unknown_schema"
    """Written with a schema that the registry does not have."""
    BAD_LABEL = "bad_label"
    """Feedback whose label is none of the task's."""


MAX_RECORD_BYTES = 1 << 20
"""A longer record is a dead letter: a prediction is some hundred bytes."""

DETAIL_LIMIT = 300
"""Characters kept of an explanation."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record as it came, and why.

    Attributes:
        value: the record's bytes (of a message with several records, the bad one).
        key: the message's key.
        headers: the message's own headers.
        reason: why.
        detail: the offence in words; holds no value of the record beyond a field's path and type.
        topic: where it was read.
        partition: the same.
        offset: the same.
        timestamp: the message's timestamp, ms; None where there is none (a line of a file).
    """

    value: bytes | None
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int | None
