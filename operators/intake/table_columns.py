"""Columns of a message, in JSON or in Arrow, as numbers, codes and values."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from operators.formats.arrow import columns_of, values_of
from operators.formats.local_times import local_clock
from operators.formats.schema import Timestamp
from operators.formats.tables import opened, rows_in
from operators.formats.times import alike_milliseconds, epoch_milliseconds, milliseconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from operators.formats.schema import Codes
    from operators.settings.places import Steps
    from windows.arrays import FloatArray, IntArray

Kinds = frozenset[type]

NUMBERS: Kinds = frozenset((int, float, type(None)))
NAMES: Kinds = frozenset((str, int, float, bool, type(None)))
IDS: Kinds = frozenset((str, int, type(None)))
TEXTS = IDS
TIMES: Kinds = NUMBERS | {str}


MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Units of Arrow's times that are whole microseconds."""

Number = TypeVar("Number", np.float64, np.int64)


class UnusualError(ValueError):
    """A message that is to be read record by record."""


class Table(Protocol):
    """The columns of a message, of `count` rows."""

    count: int

    def numbers(self, steps: Steps) -> FloatArray | None:
        """float64[count], NaN for none; None where there is no such column.

        Raises:
            UnusualError: something else is there.
        """

    def codes(self, steps: Steps, codes: Codes) -> IntArray | None:
        """int64[count], the code of each value."""

    def times(self, steps: Steps, timezone: str | None = None) -> FloatArray | None:
        """float64[count], ms since the epoch, NaN for none; those without an offset are of this zone (None: UTC)."""

    def values(self, steps: Steps, kinds: Kinds) -> Sequence[Any] | None:
        """Each value, all of these types."""

    def distinct(self, steps: Steps) -> tuple[list[Any], IntArray] | None:
        """The different values, and which one each row has."""


class Lists:
    """Columns in JSON.

    Args:
        value: the message, unpacked.

    Raises:
        UnreadableError: it is none, or has too many rows or cells.
    """

    def __init__(self, value: bytes) -> None:
        self._tree = opened(value)
        self.count = rows_in(self._tree)
        self._truths = b"true" in value or b"false" in value
        """Whether a value may be a truth value, which is a number for Python and for nobody else."""

    def _find(self, steps: Steps) -> Any:
        found: Any = self._tree
        for step in steps:
            if found is None:
                return None
            if not isinstance(found, dict):
                raise UnusualError
            found = found.get(str(step))
        if isinstance(found, dict):
            raise UnusualError
        return found

    def numbers(self, steps: Steps) -> FloatArray | None:
        """See Table."""
        column = self._column(steps)
        if column is None:
            return None
        if not self._truths:
            try:
                return np.frombuffer(array("d", column))
            except (TypeError, OverflowError):  # not all are numbers, or one is too large
                pass
        try:  # the types are looked at where the values are converted: half of what it costs apart
            found = msgspec.convert(column, list[float])
        except msgspec.ValidationError:
            if not NUMBERS.issuperset(map(type, column)):
                raise UnusualError from None
            return np.array(column, np.float64)
        return np.frombuffer(array("d", found))

    def codes(self, steps: Steps, codes: Codes) -> IntArray | None:
        """See Table."""
        column = self._column(steps)
        return None if column is None else np.fromiter(map(codes.__getitem__, column), np.int64, self.count)

    def times(self, steps: Steps, timezone: str | None = None) -> FloatArray | None:
        """See Table."""
        whole = self._column(steps)
        kinds = set() if whole is None else set(map(type, whole))
        if whole is not None and kinds == {int}:
            try:
                return epoch_milliseconds(np.frombuffer(array("q", whole), np.int64).astype(np.float64))
            except OverflowError:  # JSON integers have no bound
                pass
        elif whole is not None and kinds == {str} and (alike := alike_milliseconds(whole)) is not None:
            return alike
        column = self.values(steps, TIMES)
        return None if column is None else _times(column, timezone)

    def values(self, steps: Steps, kinds: Kinds) -> Sequence[Any] | None:
        """See Table."""
        column = self._column(steps)
        if column is None or column.count(None) == len(column):
            return None
        if not kinds.issuperset(map(type, column)):
            raise UnusualError
        return column

    def _column(self, steps: Steps) -> list[Any] | None:
        found = self._find(steps)
        return found if found is None or isinstance(found, list) else [found] * self.count

    def distinct(self, steps: Steps) -> tuple[list[Any], IntArray] | None:
        """See Table."""
        column = self._find(steps)
        if column is None:
            return None
        if not isinstance(column, list) and type(column) in TEXTS:
            return [column], np.zeros(self.count, dtype=np.int64)
        if isinstance(column, list) and column and type(column[0]) is str and column.count(column[0]) == len(column):
            return column[:1], np.zeros(self.count, dtype=np.int64)
        if not isinstance(column, list) or not TEXTS.issuperset(map(type, column)):
            raise UnusualError
        index = {value: at for at, value in enumerate(dict.fromkeys(column))}
        return list(index), np.fromiter(map(index.__getitem__, column), np.int64, self.count)


class Arrays:
    """A record batch of Arrow."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.count = batch.num_rows
        self._columns = dict(columns_of(batch))
        self._inside: dict[Steps, dict[str, pa.Array]] = {}

    def _find(self, steps: Steps) -> pa.Array | None:
        inside = self._columns if len(steps) == 1 else self._members(steps[:-1])
        found = inside.get(str(steps[-1]))
        return None if found is None or pa.types.is_null(found.type) else found

    def _members(self, steps: Steps) -> dict[str, pa.Array]:
        """The columns of an object; none where there is no such object."""
        known = self._inside.get(steps)
        if known is None:
            found = self._find(steps)
            known = {} if found is None else _members_of(found)
            self._inside[steps] = known
        return known

    def numbers(self, steps: Steps) -> FloatArray | None:
        """See Table. Without a copy where they are float64 and none is null."""
        column = self._find(steps)
        if column is None:
            return None
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise UnusualError
        if not pa.types.is_float64(column.type):
            column = column.cast(pa.float64(), safe=False)
        found: FloatArray = column.to_numpy(zero_copy_only=False) if column.null_count else _buffer(column, np.float64)
        return found

    def codes(self, steps: Steps, codes: Codes) -> IntArray | None:
        """See Table. Each different value is looked up once."""
        found = self.distinct(steps)
        if found is None:
            return None
        values, index = found
        return np.fromiter(map(codes.__getitem__, values), np.int64, len(values))[index]

    def times(self, steps: Steps, timezone: str | None = None) -> FloatArray | None:
        """See Table."""
        column = self._find(steps)
        if column is None:
            return None
        if not pa.types.is_timestamp(column.type):
            given = None if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) else values_of(column)
            numbers = self.numbers(steps) if given is None else None
            return epoch_milliseconds(numbers) if numbers is not None else _times(given or [], timezone)
        return _milliseconds(column, timezone if column.type.tz is None else None)

    def values(self, steps: Steps, kinds: Kinds) -> Sequence[Any] | None:
        """See Table."""
        column = self._find(steps)
        if column is None or column.null_count == self.count:
            return None
        found: Any = values_of(column)
        if not isinstance(found, list) or not kinds.issuperset(map(type, found)):
            raise UnusualError
        return found

    def distinct(self, steps: Steps) -> tuple[list[Any], IntArray] | None:
        """See Table."""
        column = self._find(steps)
        if column is None:
            return None
        if not pa.types.is_dictionary(column.type):
            if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                raise UnusualError
            column = column.dictionary_encode()
        values = [*column.dictionary.to_pylist(), None]
        index = column.indices
        if not index.null_count:
            return values, index.to_numpy(zero_copy_only=False)
        filled = index.cast(pa.int64()).fill_null(len(values) - 1)
        return values, filled.to_numpy(zero_copy_only=False)


def _times(column: Sequence[Any], timezone: str | None) -> FloatArray:
    """Times, some of them texts perhaps."""
    given = msgspec.convert(column, list[Timestamp]) if str in set(map(type, column)) else column
    return milliseconds_of(given if timezone is None else local_clock(timezone).placed(given))


def _members_of(column: pa.Array) -> dict[str, pa.Array]:
    """The columns of an object.

    Raises:
        UnusualError: it is none, or is not there in some rows: that is something else than one without values.
    """
    if not pa.types.is_struct(column.type) or column.null_count:
        raise UnusualError
    return dict(zip([field.name for field in column.type], column.flatten(), strict=True))


def _buffer(column: pa.Array, kind: type[Number]) -> NDArray[Number]:
    """The values of a column of this type without nulls, as they lie there."""
    width = np.dtype(kind).itemsize
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * width)


def _milliseconds(column: pa.Array, timezone: str | None) -> FloatArray:
    """Arrow's times in ms, NaN for none: computed as `datetime.timestamp` does, to the last digit."""
    times_in = MICROSECONDS.get(column.type.unit)
    if times_in is not None and timezone is None and not column.null_count:
        return (_buffer(column, np.int64) * times_in).astype(np.float64) / 1e6 * 1e3
    micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).view(pa.int64())
    if timezone is not None:
        wall = micros.fill_null(0).to_numpy(zero_copy_only=False)
        micros = pa.array(
            local_clock(timezone).moments(wall, 1_000), mask=column.is_null().to_numpy(zero_copy_only=False)
        )
    if micros.null_count:
        micros = micros.cast(pa.float64(), safe=False)
    found: FloatArray = micros.to_numpy(zero_copy_only=False).astype(np.float64) / 1e6 * 1e3
    return found
