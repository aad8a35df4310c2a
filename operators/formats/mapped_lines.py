"""Mapped records: messages of a source's own shape become the contract's records, or a dead letter each.

As with the contract's own shape, the usual batch is decoded in one call; only what this refuses is read in pieces, and
only a bad piece line by line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import msgspec

from operators.dead_letters import MAX_RECORD_BYTES, Reason
from operators.formats.bounds import MOST_RECORDS, Behind
from operators.formats.bounds import shown as element_of
from operators.formats.field_map import Shape
from operators.formats.heads import Head, decoded
from operators.formats.json_lines import (
    BACKSLASH,
    PIECE,
    Lines,
    Parser,
    Read,
    dead_letter,
    joined,
    lines_from,
    suspicious,
    tombstones_in,
    why_not,
)
from operators.formats.kinds import Kinds
from operators.formats.lenient import Lenient
from operators.formats.literals import finite
from operators.formats.map_tree import MapError
from operators.formats.packed import ERRORS
from operators.formats.schema import decoder_of
from operators.formats.surroundings import Surroundings, part_of
from operators.settings.places import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from operators.dead_letters import DeadLetter
    from operators.formats.json_lines import Fault
    from operators.formats.lenient import Mended
    from operators.formats.parsed import Parsed
    from operators.records import RawBatch
    from operators.settings.source import SourceSettings
    from windows.arrays import IntArray

Struct = type[msgspec.Struct]

Refused = tuple[Reason, str, Any]
"""Why a record is refused: the reason, the words, and the element that it is, of several in a message."""

CHUNK = 500
"""Messages decoded at a time: what is nested in them is thrown away again, and that is done best in the cache."""


@dataclass(frozen=True, slots=True)
class Found:
    """Records out of some lines: how many each line held (None: one), for a line that is skipped none."""

    records: list[Any]
    counts: list[int] | None = None

    def add(self, some: Found, lines: int) -> None:
        """Append the records of so many lines."""
        self.records.extend(some.records)
        if self.counts is not None:
            self.counts.extend(some.counts or [1] * lines)


class Reader:
    """Reads the records of one source, whatever models they are of.

    Args:
        targets: model -> type of its records.
        source: where each field is found.
        values: whether it reads objects (`of_values`) instead of lines of JSON.

    Raises:
        MapError: the map cannot be followed.
    """

    def __init__(self, targets: Mapping[str, Struct], source: SourceSettings, *, values: bool = False) -> None:
        given, split, where = source.map, source.split, source.where
        named = given.model.constant
        for name in (named, given.model.default):
            if name is not None and name not in targets:
                raise MapError("model", f"no model {name!r} reads this: {', '.join(targets)}")
        chosen = targets if named is None else {str(named): targets[str(named)]}
        path = given.model.path
        self._tag = path[0] if path is not None and not values and self._tells(source, len(chosen)) else None
        shapes = [Shape(model, struct, given, split, tagged=self._tag is not None) for model, struct in chosen.items()]
        self._shapes = {shape.model: shape for shape in shapes}
        self.lenient = Lenient(shapes, source)
        self.rooted = any(shape.rooted for shape in shapes)
        self._of_root = {shape.root: shape for shape in shapes}
        self._head = None
        asked = (len(chosen) > 1 and self._tag is None) or given.model.outside
        if where is not None or asked:
            for steps in (path if len(chosen) > 1 else None, where.path if where is not None else None):
                if steps is not None and split is not None and steps[: len(split)] == split:
                    raise MapError(
                        "/split", f"{shown(steps)} lies inside of split: it must be the same for a whole message"
                    )
            self._head = Head(given.model if asked else None, source, values=values)
        plain = where is not None and not asked and not values and Kinds.fits(shapes[0], where)
        self.kinds = Kinds(shapes[0], where) if plain and where is not None else None
        alone: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shapes[0].root, strict=False)
        self._decoder = alone if self._tag is None else decoder_of(self._of_root, str(self._tag))
        self._decoders = {name: msgspec.json.Decoder(shape.root, strict=False) for name, shape in self._shapes.items()}

    def __call__(self, lines: Sequence[bytes], text: bytes | None, around: Surroundings) -> Found:
        """The records of some lines; `text` is all of them joined, or None where the one line may hold line breaks.

        `around` is what surrounds the message of each.

        Raises:
            msgspec.MsgspecError, UnicodeError, RecursionError: one of them cannot be read.
        """
        # of a line alone nothing is learnt: why it is refused does not depend on what was before it
        told = None if self.kinds is None or text is None else self.kinds(lines, text)
        if told is not None:
            return self._told(*told, around)
        if self._head is not None:
            return self._chosen(lines, self._head(lines, text, around), around)
        objects = decoded(self._decoder, lines, text)
        if self._tag is None:
            return _checked(next(iter(self._shapes.values())).records(objects, around), len(lines))
        return self._by_type(objects, around)

    def of_values(self, values: list[Any], around: Surroundings) -> Found:
        """The records of some objects, of whatever format they were.

        Raises:
            msgspec.ValidationError: one of them cannot be read.
        """
        if self._head is None:
            shape = next(iter(self._shapes.values()))
            objects = msgspec.convert(values, list[shape.root], strict=False)  # type: ignore[name-defined]
            return _checked(shape.records(objects, around), len(values))
        models = self._head.of(values, around)

        def objects_of(shape: Shape, rows: list[int]) -> list[Any]:
            chosen = [values[row] for row in rows]
            found: list[Any] = msgspec.convert(chosen, list[shape.root], strict=False)  # type: ignore[name-defined]
            return found

        return self._by_model(models, objects_of, around)

    def renamed(self, said: str) -> str:
        """What msgspec says, with an unknown model as it is called in the contract's own shape."""
        if self._tag is not None and said.startswith("Invalid value") and said.endswith(f"`$.{self._tag}`"):
            return "Invalid value - at `$.model`"
        return said

    def chosen(self, batch: RawBatch) -> list[int] | None:
        """See `Head.chosen`."""
        return None if self._head is None else self._head.chosen(batch)

    @staticmethod
    def _tells(source: SourceSettings, models: int) -> bool:
        """Whether the model's name is a field of its own on top, so that the decoder can tell models apart."""
        given = source.map
        path = given.model.path
        if models < 2 or path is None or len(path) > 1 or not isinstance(path[0], str):
            return False
        if given.model.default is not None:
            return False
        if source.where is not None or source.split is not None:
            return False
        places = [given.place(name) for name in given.model_fields_set - {"features", "context", "model"}]
        read = [place.path for place in (*places, *given.context.values()) if place is not None]
        return path not in read

    def _by_type(self, objects: list[Any], around: Surroundings) -> Found:
        """Records of several models, in order."""
        kinds = set(map(type, objects))
        if len(kinds) == 1:
            return _checked(self._of_root[kinds.pop()].records(objects, around), len(objects))
        records: list[Any] = [None] * len(objects)
        for kind in kinds:
            rows = [row for row, item in enumerate(objects) if type(item) is kind]
            made, _ = self._of_root[kind].records([objects[row] for row in rows], around.of(rows))
            for row, record in zip(rows, made, strict=True):
                records[row] = record
        return Found(records)

    def _told(self, objects: list[Any], wanted: list[bool], around: Surroundings) -> Found:
        """The records of the messages that count, where the decoder told them apart."""
        rows = list(compress(range(len(wanted)), wanted))
        shape = next(iter(self._shapes.values()))
        found = _checked(shape.records(objects, around.of(rows) if len(rows) < len(wanted) else around), len(rows))
        if len(rows) == len(wanted):
            return found
        if found.counts is None:
            return Found(found.records, list(map(int, wanted)))
        several = iter(found.counts)
        return Found(found.records, [next(several) if one else 0 for one in wanted])

    def _chosen(self, lines: Sequence[bytes], models: list[str | None], around: Surroundings) -> Found:
        """The records of the lines that count, each read as what its model's are."""

        def objects_of(shape: Shape, rows: list[int]) -> list[Any]:
            chosen = [lines[row] for row in rows]
            text = joined(chosen)
            if text is None and len(lines) > 1:
                raise msgspec.DecodeError("not one record a line")
            return decoded(self._decoders[shape.model], chosen, text)

        return self._by_model(models, objects_of, around)

    def _by_model(
        self,
        models: list[str | None],
        objects_of: Callable[[Shape, list[int]], list[Any]],
        around: Surroundings,
    ) -> Found:
        """The records of the messages that count, given the model of each."""
        parts: list[list[Any]] = [[] for _ in models]
        for model in set(models) - {None}:
            shape = self._shapes.get(str(model)) if model else next(iter(self._shapes.values()))
            if shape is None:
                raise msgspec.ValidationError("Invalid value - at `$.model`")
            rows = [row for row, name in enumerate(models) if name == model]
            found = _checked(shape.records(objects_of(shape, rows), around.of(rows)), len(rows))
            if found.counts is None and len(rows) == len(models):
                return found
            at = 0
            for row, count in zip(rows, found.counts or [1] * len(rows), strict=True):
                parts[row] = found.records[at : at + count]
                at += count
        return Found([record for part in parts for record in part], list(map(len, parts)))


def _checked(found: tuple[list[Any], list[int] | None], lines: int) -> Found:
    records, counts = found
    if (len(records) if counts is None else len(counts)) != lines:
        raise msgspec.DecodeError("not one record a line")
    return Found(records, counts)


def letters_of(batch: RawBatch, number: int, line: bytes | None, refused: Sequence[Refused]) -> list[DeadLetter]:
    """Dead letters of records of one line. Of several each has its own element alone, not the whole line."""
    if len(refused) == 1:
        ((reason, said, _),) = refused
        return [dead_letter(batch, number, line, reason, said)]
    return [dead_letter(batch, number, element_of(element), reason, said) for reason, said, element in refused]


class MappedParser(Parser):
    """Reads the records of one source. Keeps nothing between batches.

    Args:
        reader: of the source.
        max_ahead: as for Parser.
        faults: the same.
        silent: tells which decoded records say nothing of what is read here; they are skipped. None: none may be.
    """

    def __init__(
        self,
        reader: Reader,
        max_ahead: int,
        faults: Callable[[list[Any], IntArray], Sequence[Fault]],
        silent: Callable[[Any], bool] | None = None,
    ) -> None:
        super().__init__(None, max_ahead, faults)
        self.reader = reader
        self._silent = silent

    def __call__(self, batch: RawBatch) -> Parsed:
        """The records of one batch. What its headers leave out is skipped unread, whatever it is."""
        chosen = self.reader.chosen(batch)
        if chosen is None:
            return super().__call__(batch)
        return super().__call__(part_of(batch, chosen)).among(chosen, len(batch.values))

    def _records(self, batch: RawBatch) -> Read:
        values = batch.values
        if not values:
            return Read([], Lines((), None), [])
        found = Found([], [])
        for start in range(0, len(values), CHUNK):
            chunk = values[start : start + CHUNK]
            some = self._together(chunk, Surroundings(batch, range(start, start + len(chunk))))
            if some is None:
                return self._from(batch, 0)
            found.add(some, len(chunk))
        single = len(found.records) == len(values) and 0 not in (found.counts or ())
        return self._kept(Found(found.records) if single else found, values, None, [], Counter())

    def _together(self, lines: Sequence[Any], around: Surroundings) -> Found | None:
        """All lines in one call, or None when any needs a closer look."""
        text = joined(lines)
        if text is None or suspicious(text):
            return None
        try:
            return self.reader(lines, text, around)
        except ERRORS:
            pass
        plain = finite(text)
        if plain is text:
            return None
        try:
            return self.reader(plain.split(b"\n"), plain, around)
        except ERRORS:
            return None

    def _from(self, batch: RawBatch, start: int) -> Read:
        lines, owners, dead, rest = lines_from(batch, start, arrays=not self.reader.rooted)
        gone = tombstones_in(batch, start, rest)
        records: list[Any] = []
        counts: list[int] = []
        unfit: Counter[str] = Counter()
        for at in range(0, len(lines), PIECE):
            piece = lines[at : at + PIECE]
            found = self._together(piece, Surroundings(batch, owners[at : at + PIECE]))
            if found is None:
                found = self._one_by_one(batch, piece, owners[at : at + PIECE], dead, unfit)
            records += found.records
            counts += found.counts or [1] * len(piece)
        kept = self._kept(Found(records, counts), lines, owners, dead, unfit)
        return replace(kept, rest=rest, skipped=kept.skipped + gone, tombstones=gone)

    def _one_by_one(
        self, batch: RawBatch, lines: list[bytes], owners: list[int], dead: list[DeadLetter], unfit: Counter[str]
    ) -> Found:
        """The readable of these lines; the others are added to `dead`, a line without a good record counts -1."""
        records: list[Any] = []
        counts: list[int] = []
        for line, owner in zip(lines, owners, strict=True):
            found, refused = self._alone(line, Surroundings(batch, [owner]), unfit)
            dead += letters_of(batch, owner, line, refused)
            records += found
            counts.append(len(found) if found or not refused else -1)
        return Found(records, counts)

    def _alone(self, line: bytes, around: Surroundings, unfit: Counter[str]) -> tuple[list[Any], list[Refused]]:
        """The records of a line, and why others of it are refused."""
        if len(line) > MAX_RECORD_BYTES:
            return [], [(Reason.OVERSIZED, f"{len(line)} bytes; at most {MAX_RECORD_BYTES} are read", None)]
        try:
            found, refused = self._read(line, around, unfit)
            if BACKSLASH in line:
                msgspec.json.encode(found)  # a lone surrogate in any string is refused here
        except ERRORS as error:
            return [], [(*why_not(line, error, self.reader.renamed), None)]
        return found, refused

    def _read(self, line: bytes, around: Surroundings, unfit: Counter[str]) -> tuple[list[Any], list[Refused]]:
        """The same of a line that may be readable in part.

        Raises:
            msgspec.MsgspecError, UnicodeError, RecursionError: it cannot be read at all.
        """
        line = finite(line)
        try:
            return self.reader([line], None, around).records, []
        except msgspec.ValidationError:
            mended = self.reader.lenient(line, around)
        return self._mended(mended, unfit, line)

    @staticmethod
    def _mended(mended: Sequence[Mended], unfit: Counter[str], line: bytes = b"") -> tuple[list[Any], list[Refused]]:
        """The records that count, and why the others do not; adds what is set aside."""
        for one in mended:
            unfit.update(one.unfit)
        refused = [(one, *why_not(line, one.error)) for one in mended if one.error is not None]
        found = [one.record for one in mended if one.error is None]
        return found, [(reason, one.where + detail, one.element) for one, reason, detail in refused]

    def _kept(
        self,
        found: Found,
        lines: Sequence[Any],
        owners: list[int] | None,
        dead: list[DeadLetter],
        unfit: Counter[str],
    ) -> Read:
        """The records that count, each with the line and the message it came in."""
        records, counts = found.records, found.counts
        skipped = 0
        if counts is not None:
            most = max(counts, default=0)
            rows = list(compress(range(len(counts)), map((1).__le__, counts)))
            if most > 1:
                rows = [row for row, count in enumerate(counts) for _ in range(count)]
            skipped = counts.count(0)
            owners = rows if owners is None else [owners[row] for row in rows]
            lines = Behind(lines, rows, records, [count > 1 for count in counts] if most > 1 else ())
        silent: Sequence[int] = ()
        if self._silent is not None:
            owners = list(range(len(records))) if owners is None else owners
            heard = [not self._silent(record) for record in records]
            silent = [at for at, speaks in zip(_places(owners), heard, strict=True) if not speaks]
            spoken = [row for row, speaks in enumerate(heard) if speaks]
            skipped += len(silent)
            owners = [owners[row] for row in spoken]
            records, lines = [records[row] for row in spoken], Behind(lines, spoken)
        return Read(records, Lines(lines, owners), dead, skipped, unfit, silent=silent)


def _places(owners: Sequence[int]) -> Iterator[int]:
    """The message and the place in it of each record, as one number, given the message of each in order."""
    before, place = -1, 0
    for owner in owners:
        place = place + 1 if owner == before else 0
        before = owner
        yield owner * MOST_RECORDS + place
