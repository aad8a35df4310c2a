"""Tables as lanes of a replay: the rows of Parquet, CSV or flat JSON lines, each as the JSON record it stands for."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from operators.formats.guesses import usually_called
from operators.formats.literals import parsed
from operators.formats.local_times import local_clock
from operators.formats.times import as_written
from operators.records import NoEnvelopes, Topic
from operators.settings.source import UTC, FieldMap
from stream.config.inputs import timezone_of
from stream.errors import UsageError
from stream.references.hour_volumes import HourVolumes
from stream.references.skipped_hour import skipped_hour
from stream.replay.lanes import Block
from stream.replay.time_order import order_of, ordered
from stream.rows.arrays import categories, with_points
from stream.rows.columns import SPECIAL, Wishes
from stream.rows.lists import read_list
from stream.rows.open import open_rows
from stream.rows.parts import PACKED
from stream.rows.repeats import repeats_of
from stream.rows.times import milliseconds, other_times, usual_times
from windows.values import ids_of, version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from stream.config.load import Config
    from stream.rows.repeats import Repeats
    from windows.references.reference import Reference

SUFFIXES = (".parquet", ".parq", ".pq", *(f"{text}{packed}" for text in (".csv", ".tsv") for packed in ("", *PACKED)))
LINES = (".jsonl", ".ndjson")
_LONGEST_FIRST = 1 << 20
_MARK = b"\xef\xbb\xbf"
LARGEST = 8_000
"""Rows of the largest block."""

TEXTS = ("prediction_id", "version", "model", "kind", "error")
"""Columns that are text whatever they look like."""

NUMBERS = ("prediction", "label", "value", "latency_ms")
"""Columns of which the text of a number, or of a list, is that."""

OF_FEEDBACK = ("prediction_id", "timestamp", "model", "version", "label", "value", "kind")
FEW_NAMES = 10
_PARTS = 1_000_000
_SAY_TIMES = "sources: [{topic: T, map: {timestamp: COLUMN}}] in the config names another"
_ENCODE = msgspec.json.Encoder().encode


def is_table(path: Path) -> bool:
    """Whether a file is a table by its name; others hold JSON lines."""
    return path.name.lower().endswith(SUFFIXES)


def is_flat(path: Path, holds: Topic, config: Config, references: Mapping[str, Reference]) -> bool:
    """Whether JSON lines are the rows of a table, as pandas writes them: `init` reads those, so a replay does.

    They name no model, and have the features of the only one beside all else, or are labels of it.
    """
    if len(config.models) != 1 or not path.name.lower().endswith(LINES) or not path.is_file():
        return False
    with path.open("rb") as file:
        line = file.readline(_LONGEST_FIRST).removeprefix(_MARK)
    try:
        first = parsed(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    if not isinstance(first, dict) or first.keys() & {"model", "features"}:
        return False
    if holds == Topic.FEEDBACK:
        labels = {reference.columns.get("label", "label") for reference in references.values()}
        return bool(usually_called("prediction_id", first)) and bool(first.keys() & {"label", "value", *labels})
    return any(first.keys() & reference.features.keys() for reference in references.values())


class TableLane:
    """The rows of a file in their order; by time where that is another: an export of a database has no order.

    Columns are as for `reference build`: a feature each, and `prediction_id`, `timestamp`, `model`, `version`,
    `prediction`, `latency_ms` and `error`; of feedback `prediction_id`, `timestamp`, `label`, `value`, `kind`. Without
    a column `model` all rows are of the only model. What a model is segmented by is context as well. A special
    column that is not there goes by the name that the config's one source maps it from, or that the reference was built
    with; times by another that is usual, as for `init`.

    Attributes:
        notes: what to know about its columns.
        label: the column of labels among predictions, which are nothing to them; "" without one that a model awaits.
        ids: the column of prediction ids; "" without one, and where several models may have the same.

    Raises:
        UsageError: it cannot be read.
    """

    largest = LARGEST
    source: int | None = None  # columns are named as the contract names fields
    total = _PARTS

    def __init__(
        self, path: Path, holds: Topic, config: Config, references: Mapping[str, Reference], ids: str = ""
    ) -> None:
        """Open the file.

        Args:
            path: of it.
            holds: predictions or labels.
            config: its models and sources.
            references: of the models.
            ids: the column of prediction ids where no name says it; "" for none.
        """
        self.topic = str(path)
        self.holds = holds
        self.done = 0
        profiles = {name: profile for one in references.values() for name, profile in one.features.items()}
        kinds = {name: "numeric" if hasattr(profile, "edges") else "categorical" for name, profile in profiles.items()}
        found = [("prediction_id", ids)] if ids else []
        also = [*other_names(holds, config, references), *found]
        texts = dict.fromkeys((*TEXTS, *(column for role, column in also if role in TEXTS)), "categorical")
        rows = open_rows(path, Wishes(kinds={**texts, **kinds, **dict.fromkeys(TEXTS, "categorical")}))
        there = [column.name for column in rows.columns if not column.bookkeeping]
        self._missing = {column.name: column.missing for column in rows.columns}
        self._commas = frozenset(column.name for column in rows.columns if column.comma)
        mapped = {*mapped_names(holds, config), *found}
        free = [one for one in also if holds == Topic.FEEDBACK or one in mapped or one[1] not in kinds]
        times = usual_times(column for column in rows.columns if column.name not in kinds)
        roles = _renamed(there, [*free, *(("timestamp", name) for name in times)])
        self._column = {roles.get(name, name): name for name in there}
        if holds == Topic.PREDICTIONS:  # a field of a topic may be both as well: the id, and a feature
            self._column |= {name: name for name in roles if name in kinds}
        names = list(self._column)
        _refuse_nameless(path, holds, names, there)
        if holds == Topic.FEEDBACK:
            names = [name for name in names if name in OF_FEEDBACK]
        self._features = [name for name in names if name in kinds or name not in SPECIAL]
        segments = {name for model in config.models for name in model.segments}
        self._context = [name for name in names if name in segments and name not in SPECIAL]
        awaited = any(model.performance for model in config.models)
        self.label = self._column.get("label", "") if holds == Topic.PREDICTIONS and awaited else ""
        one_model = holds == Topic.PREDICTIONS and len(config.models) == 1
        self.ids = self._column.get("prediction_id", "") if one_model else ""
        self._rows = rows
        features = profiles if holds == Topic.PREDICTIONS and len(references) == 1 else {}
        self.notes = (*_unlike(path, list(features), names, segments), *_times_note(path, roles, free, times))
        self._model = config.models[0].name if "model" not in names and len(config.models) == 1 else None
        columns = [self._column[name] for name in names]
        stamp, volumes = self._column.get("timestamp"), HourVolumes()
        self._timezone = timezone_of(holds, config.time.timezone, config.sources)
        lateness = config.time.lateness
        self._order = None if stamp is None else order_of(rows, stamp, lateness, volumes, self._timezone)
        if self._order is not None:
            self.notes += (f"{path.name}: its rows are not in the order of time; they are read in it",)
        local = skipped_hour(volumes) if holds == Topic.PREDICTIONS else None
        if local is not None:
            self.notes += (f"{path.name}: {local}",)
        self._lines = self._encoded(
            rows.batches(columns) if self._order is None else ordered(rows, columns, self._order), names
        )
        self._next = next(self._lines, None)
        self._row = 1

    def read(self, size: int) -> Block:
        """The next rows, at most `size`."""
        values: list[bytes] = []
        first = self._row
        while self._next is not None and len(values) < size:
            values.append(self._next)
            self._next = next(self._lines, None)
        self._row += len(values)
        ended = self._next is None
        if ended:
            self.done = _PARTS
        numbers = () if self._order is None else (self._order[first - 1 : self._row - 1] + 1).tolist()
        return Block(values, None, NoEnvelopes(first, numbers), ended)

    def count_ids(self, found: Repeats) -> None:
        """Tell which predictions the file holds."""
        repeats_of(self._rows, self.ids, found)

    def moments(self) -> Iterator[tuple[str, int]]:
        """The id and the time (ms) of each row that has both."""
        ids, stamps = self._column.get("prediction_id"), self._column.get("timestamp")
        if ids is None or stamps is None:
            return
        for batch, _ in self._rows.batches(list(dict.fromkeys([ids, stamps]))):
            codes, names = categories(batch.column(batch.schema.get_field_index(ids)))
            times, there = milliseconds(batch.column(batch.schema.get_field_index(stamps)), stamps, self._timezone)
            texts = ids_of(names)
            for code, at in zip(codes[there].tolist(), times[there].tolist(), strict=True):
                if code >= 0:
                    yield texts[code], at

    def close(self) -> None:
        """Leave the file."""
        self._lines.close()

    def _encoded(self, batches: Iterator[tuple[pa.RecordBatch, float]], names: Sequence[str]) -> Generator[bytes]:
        before = 0.0
        for batch, share in batches:
            found = {name: batch.column(batch.schema.get_field_index(self._column[name])) for name in names}
            columns = {
                name: self._values(with_points(column) if self._column[name] in self._commas else column, name)
                for name, column in found.items()
            }
            for at, line in enumerate(self._records(columns, batch.num_rows), 1):
                self.done = round(_PARTS * (before + (share - before) * at / batch.num_rows))
                yield line
            before = share

    def _values(self, column: pa.Array, name: str) -> list[Any]:
        """Values as JSON has them; of predictions and labels what stands for none is none, as in a reference."""
        values = _values(column, name, self._timezone)
        missing = self._missing[self._column[name]] if name in NUMBERS else ()
        return [None if value in missing else value for value in values] if missing else values

    def _records(self, columns: dict[str, list[Any]], count: int) -> Iterator[bytes]:
        top = {name: values for name, values in columns.items() if name in {*SPECIAL, *OF_FEEDBACK}}
        if self.holds == Topic.PREDICTIONS:
            top = {name: values for name, values in top.items() if name not in self._features and name != "label"}
        if self._model is not None:
            top["model"] = [self._model] * count
        features = _rows({name: columns[name] for name in self._features}, count)
        context = _rows({name: columns[name] for name in self._context}, count)
        said = () if self.holds == Topic.PREDICTIONS else ("label", "value")  # null there is: none yet
        for record, held, where in zip(_rows(top, count), features, context, strict=True):
            if self.holds == Topic.PREDICTIONS:
                record["features"] = held
                record["context"] = {name: str(value) for name, value in where.items() if value is not None}
            yield _ENCODE({name: value for name, value in record.items() if value is not None or name in said})


def other_names(holds: Topic, config: Config, references: Mapping[str, Reference]) -> Iterator[tuple[str, str]]:
    """Special columns (role, name) as the config's one source maps them, then as the references were built with."""
    yield from mapped_names(holds, config)
    for reference in references.values():
        yield from reference.columns.items()


def mapped_names(holds: Topic, config: Config) -> Iterator[tuple[str, str]]:
    """Special columns (role, name) as the config's one source maps them."""
    sources = [source for source in config.sources if holds.value in set(source.kinds)]
    given = sources[0].map if len(sources) == 1 else FieldMap()
    for role in (*SPECIAL, "value", "kind"):
        place = given.place(role)
        if place is not None and place.path is not None and len(place.path) == 1 and place.path != (role,):
            yield role, str(place.path[0])


def _renamed(there: Sequence[str], also: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Column -> our name, of special columns that the file has under another name; the first that fits counts."""
    found: dict[str, str] = {}
    for role, column in also:
        if column in there and column not in found and role not in there and role not in found.values():
            found[column] = role
    return found


def _refuse_nameless(path: Path, holds: Topic, names: Sequence[str], there: Sequence[str]) -> None:
    """Refuse a file of which no row could be used.

    Raises:
        UsageError: the column that every record needs is not there.
    """
    wanted = ("prediction_id", "timestamp") if holds == Topic.FEEDBACK else ("timestamp",)
    needed = next((name for name in wanted if name not in names), None)
    if needed is None:
        return
    has = ", ".join(there[:20]) + (", ..." if len(there) > 20 else "")
    kind = f", holds: {holds.value}" if holds == Topic.FEEDBACK else ""
    why = " A label counts from when it became known: where that was not kept, write when it could be." if kind else ""
    raise UsageError(
        f"{path}: no column {needed!r}; it has {has}.{why if needed == 'timestamp' else ''} Say which it is with"
        f" sources: [{{topic: T{kind}, map: {{{needed}: COLUMN}}}}] in the config, or rename it"
    )


def _unlike(path: Path, features: Sequence[str], names: Sequence[str], segments: Collection[str]) -> Iterator[str]:
    """Features without a column, which may be there under another name."""
    lacking = [name for name in features if name not in names]
    if lacking:
        others = [name for name in names if name not in {*features, *segments, *SPECIAL}]
        beside = f"; what it has and nobody watches: {_shown(others)}" if others else ""
        yield f"{path.name} has no column for {_shown(lacking)}: such a feature counts as missing{beside}"


def _times_note(
    path: Path, roles: Mapping[str, str], free: Collection[tuple[str, str]], times: Sequence[str]
) -> Iterator[str]:
    """Which column was taken for the times by its name alone."""
    taken = next((name for name, role in roles.items() if role == "timestamp"), "")
    if taken and ("timestamp", taken) not in free:
        others = other_times(taken, times)
        yield f"{path.name}: {others or f'`{taken}` is taken for the times of its rows'}; {_SAY_TIMES}"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW_NAMES} more" if len(names) > FEW_NAMES else ""
    return ", ".join(repr(name) for name in names[:FEW_NAMES]) + more


def _rows(columns: dict[str, list[Any]], count: int) -> Iterator[dict[str, Any]]:
    if not columns:
        return ({} for _ in repeat(None, count))
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _values(column: pa.Array, name: str, timezone: str) -> list[Any]:
    """Values of a column as JSON has them; times in epoch milliseconds."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        stamps = column.cast(pa.timestamp("ms", tz=getattr(kind, "tz", None)), safe=False)
        column = stamps.cast(pa.int64())
        if name == "timestamp" and timezone != UTC and getattr(kind, "tz", None) is None:
            wall, absent = column.fill_null(0).to_numpy(), column.is_null().to_numpy(zero_copy_only=False)
            column = pa.array(local_clock(timezone).moments(wall), mask=absent)
    values: list[Any] = column.to_pylist()
    if name == "timestamp":
        return [_moment(value, timezone) for value in values]
    if name in TEXTS:
        return [None if value is None or value != value else version_of(value) for value in values]  # noqa: PLR0124
    if name in NUMBERS:
        return [_number(value) if isinstance(value, str) else value for value in values]
    return values


def _moment(value: Any, timezone: str) -> Any:
    """Epoch milliseconds, or the text of a time: with its offset, unless that is UTC."""
    try:
        return round(float(value))
    except (TypeError, ValueError):
        found = value if isinstance(value, str) else None
    time = None if found is None or timezone == UTC else as_written(found)
    return found if time is None or time.tzinfo is not None else local_clock(timezone).placed([time])[0].isoformat()


def _number(text: str) -> Any:
    """What a text is just the spelling of, a number or a list: a column of few values is read as text."""
    if text.startswith("["):
        found = read_list(text)
        return text if found is None else found
    try:
        number = float(text)
    except ValueError:
        return text
    return number if text in {str(number), f"{number:.0f}"} else text
