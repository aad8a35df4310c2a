"""Payloads: the features in a request and the predictions in a response, in the forms that serving systems use."""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import Any

import msgspec

from operators.dead_letters import Reason
from operators.formats.bounds import MOST_RECORDS, too_many
from operators.formats.literals import parsed
from operators.formats.packed import UnreadableError

Row = dict[str, Any]

INPUTS = ("instances", "inputs", "dataframe_records", "features", "data")
OUTPUTS = ("predictions", "outputs", "prediction", "scores")
ANSWERS = ("prediction", "score", "probability", "predicted_label", "value")
"""Where a prediction is in an object."""

_NAMES = {
    "prediction_id": ("prediction_id", "id", "request_id"),
    "timestamp": ("timestamp", "time"),
    "model": ("model", "model_name"),
    "version": ("version", "model_version"),
    "latency_ms": ("latency_ms",),
    "error": ("error",),
}


def missing(name: str, said: str) -> UnreadableError:
    """What is raised where a message does not have what its system always writes."""
    return UnreadableError(Reason.BAD_FORMAT, f"`{name}`: {said}")


def member(root: Row, name: str, otherwise: Row | None = None) -> Row:
    """An object inside of another one.

    Raises:
        UnreadableError: it is not there, or is none.
    """
    found = root.get(name, otherwise)
    if found is None and otherwise is not None:
        return otherwise
    if not isinstance(found, dict):
        raise missing(name, "an object is needed")
    return found


def common(root: Row) -> Row:
    """Fields of the contract under the names that are usual for them."""
    found = {field: next((root[name] for name in names if name in root), None) for field, names in _NAMES.items()}
    return {field: value for field, value in found.items() if value is not None}


def of_text(given: Any, name: str) -> Any:
    """What a text of JSON holds; anything else is as it is.

    Raises:
        UnreadableError: it is no JSON.
    """
    if not isinstance(given, str | bytes):
        return given
    try:
        return parsed(given.encode() if isinstance(given, str) else given)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableError(Reason.BROKEN_JSON, f"`{name}`: {error}") from None


def of_csv(text: str) -> list[list[Any]]:
    """The rows of a text of comma separated values; empty ones are no values."""
    try:
        return [[value or None for value in row] for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"`data`: {error}") from None


def rows_in(payload: Any, *, single: bool = False) -> list[Any]:
    """The features of each row of a request: objects, or arrays of values by position.

    Args:
        payload: a request.
        single: whether it is one row where it is not a known form of several.

    Raises:
        UnreadableError: there are none.
    """
    if isinstance(payload, dict):
        split = payload.get("dataframe_split")
        if isinstance(split, dict):
            return _of_split(split)
        for name in INPUTS:
            if isinstance(payload.get(name), list):
                return _listed(payload[name])
            if isinstance(payload.get(name), dict):
                return _of_columns(payload[name])
        if single:
            return [payload]
        raise missing(" or ".join(("dataframe_split", *INPUTS[:3])), "no rows")
    if not isinstance(payload, list):
        raise missing("instances", "rows are needed")
    return [payload] if single else _listed(payload)


def _listed(found: list[Any]) -> list[Any]:
    """Rows; values alone are those of one row."""
    return found if all(isinstance(row, dict | list) for row in found) else [found]


def _of_split(split: Row) -> list[Row]:
    columns, data = split.get("columns"), split.get("data")
    if not isinstance(columns, list) or not isinstance(data, list):
        raise missing("dataframe_split", "columns and data are needed")
    if any(not isinstance(row, list) or len(row) != len(columns) for row in data):
        raise missing("dataframe_split", "a row has other values than columns")
    return [dict(zip(map(str, columns), row, strict=True)) for row in data]


def _of_columns(columns: Row) -> list[Row]:
    """Rows of an object of columns; of one of values, that row."""
    if not columns or not all(isinstance(column, list) for column in columns.values()):
        return [columns]
    if len({len(column) for column in columns.values()}) != 1:
        raise missing("inputs", "columns of one length are needed")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def answers_in(payload: Any, *, single: bool = False) -> list[Any] | None:
    """The prediction of each row of a response; None where there are none."""
    if isinstance(payload, dict):
        for name in OUTPUTS:
            if isinstance(payload.get(name), list):
                return [_answer(one) for one in payload[name]]
        plain = _answer(payload)
        return None if isinstance(plain, dict) else [plain]
    if isinstance(payload, list) and not single:
        return [_answer(one) for one in payload]
    return None if payload is None else [_answer(payload)]


def _answer(given: Any) -> Any:
    """A prediction out of what surrounds it."""
    if isinstance(given, dict):
        return next((given[name] for name in ANSWERS if name in given), given)
    return given[0] if isinstance(given, list) and len(given) == 1 else given


def paired(rows: list[Any], answers: list[Any] | None, about: Row) -> list[Row]:
    """Records of rows with their predictions; ids of several are `id/0`, `id/1`, ...

    Raises:
        UnreadableError: there are not as many of one as of the other, or too many.
    """
    if answers is not None and len(answers) != len(rows):
        if len(rows) != 1:
            raise missing("predictions", f"{len(answers)} of {len(rows)} rows")
        answers = [answers]
    if len(rows) > MOST_RECORDS:
        raise too_many()
    found = []
    ident = about.get("prediction_id")
    for number, row in enumerate(rows):
        record = {**about, "features": row, "prediction": None if answers is None else answers[number]}
        if ident is not None and len(rows) > 1:
            record["prediction_id"] = f"{ident}/{number}"
        found.append(record)
    return found


def tensor_rows(tensors: Any) -> list[Any]:
    """The rows of a request's tensors: a column each, or one tensor of rows by position."""
    columns = _columns(tensors, "inputs")
    if len(columns) == 1:
        (rows,) = columns.values()
        if rows and isinstance(rows[0], list):
            return rows
    flat: dict[str, list[Any]] = {}
    for name, rows in columns.items():
        if rows and isinstance(rows[0], list):
            flat |= {f"{name}.{place}": list(column) for place, column in enumerate(zip(*rows, strict=True))}
        else:
            flat[name] = rows
    if len({len(column) for column in flat.values()}) > 1:
        raise missing("inputs", "tensors of one number of rows are needed")
    return [dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]


def tensor_answers(tensors: Any) -> list[Any] | None:
    """The predictions of a response: its first tensor."""
    return None if tensors is None else next(iter(_columns(tensors, "outputs").values()))


def _columns(tensors: Any, where: str) -> dict[str, list[Any]]:
    """Name of each tensor -> its rows: values, or arrays of several."""
    if not isinstance(tensors, list) or not tensors:
        raise missing(where, "tensors are needed")
    found = {}
    for tensor in tensors:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("data"), list):
            raise missing(where, "tensors with their data are needed (binary ones are not read)")
        shape = tensor.get("shape")
        if not isinstance(shape, list) or not shape or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise missing(where, "a tensor without a shape")
        values = _flat(tensor["data"])
        rows = shape[0]
        if rows == 0 or not values or len(values) % rows:
            raise missing(where, f"{len(values)} values do not fit its shape")
        width = len(values) // rows
        parts = [values[at : at + width] for at in range(0, len(values), width)]
        found[str(tensor.get("name"))] = values if width == 1 else parts
    return found


def _flat(data: list[Any]) -> list[Any]:
    """The values of a tensor, which may be nested by its shape."""
    while data and isinstance(data[0], list):
        if not all(isinstance(row, list) for row in data):
            raise missing("data", "nested in another way than its shape")
        data = list(chain.from_iterable(data))
    return data
