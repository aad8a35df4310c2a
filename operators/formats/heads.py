"""Heads: a first look at messages of several kinds or models, which decides what each is decoded as."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.surroundings import Surroundings
from operators.settings.places import shown
from windows.values import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.records import RawBatch
    from operators.settings.places import ModelPlace, Place
    from operators.settings.source import SourceSettings

MOST_KNOWN = 1_024
"""Values of a filter's field that are remembered with what becomes of them."""


class Head:
    """Tells of each message whether it counts, and which model it is about ("" where that is not asked).

    Args:
        model: where its name is; None where it is not asked.
        source: its filter counts.
        values: whether it looks at objects (`of`) instead of lines of JSON.
    """

    def __init__(self, model: ModelPlace | None, source: SourceSettings, *, values: bool = False) -> None:
        where = source.where
        self._where = None if where is None else where.place
        self._allowed = frozenset(map(name_of, where.values)) if where is not None else frozenset()
        self._known: dict[Any, bool] = {}
        self._model = model
        places = [place.path for place in (self._where, model) if place is not None and place.path is not None]
        self._inside = bool(places)
        self._on_top = not values and not any(isinstance(steps[0], int) for steps in places)
        tops = sorted({str(steps[0]) for steps in places})
        self._names = {top: f"n{i}" for i, top in enumerate(tops)}
        fields = [(name, Any, None) for name in self._names.values()]
        rename = {name: top for top, name in self._names.items()}
        kind: Any = msgspec.defstruct("Head", fields, rename=rename, gc=False) if self._on_top else Any
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)

    def chosen(self, batch: RawBatch) -> list[int] | None:
        """The numbers of the messages that count by what surrounds them; None: all do, or it takes a look inside.

        Those without a value are among them: they are skipped as such.
        """
        where = self._where
        if where is None or where.path is not None or batch.paired is not None:
            return None
        column = Surroundings(batch, range(len(batch.values))).column(where, "where")
        both = enumerate(zip(batch.values, column, strict=True))
        found = [number for number, (value, text) in both if value is None or self._passes(text)]
        return None if len(found) == len(batch.values) else found

    def __call__(self, lines: Sequence[bytes], text: bytes | None, around: Surroundings) -> list[str | None]:
        """The model of each line; None where it is skipped.

        Raises:
            msgspec.MsgspecError: a line is none, or does not name its model.
        """
        heads: Sequence[Any] = decoded(self._decoder, lines, text) if self._inside else lines
        if len(heads) != len(lines):
            raise msgspec.DecodeError("not one record a line")
        return self.of(heads, around)

    def of(self, heads: Sequence[Any], around: Surroundings) -> list[str | None]:
        """The same of what is decoded.

        Raises:
            msgspec.ValidationError: one does not name its model.
        """
        models: Sequence[Any] = [""] * len(heads)
        if self._model is not None:
            models = self._column(heads, self._model, around)
            if self._model.default is not None:
                models = [self._model.default if name is None else name for name in models]
        if self._where is None:
            counts = [True] * len(heads)
        else:
            counts = [self._passes(value) for value in self._column(heads, self._where, around)]
        if any(model is None and passes for model, passes in zip(models, counts, strict=True)):
            raise msgspec.ValidationError(f"Object missing required field `{named(self._model)}`")
        return [str(model) if passes else None for model, passes in zip(models, counts, strict=True)]

    def _column(self, heads: Sequence[Any], place: Place, around: Surroundings) -> Sequence[Any]:
        """What is at a place of each message; None where nothing is."""
        steps = place.path
        if steps is None:
            return around.column(place, "model")
        if self._on_top:
            column: Sequence[Any] = list(map(attrgetter(self._names[str(steps[0])]), heads))
            steps = steps[1:]
        else:
            column = heads
        for step in steps:
            if isinstance(step, int):
                column = [item[step] if isinstance(item, list) and step < len(item) else None for item in column]
            else:
                column = [item.get(step) if isinstance(item, dict) else None for item in column]
        return column

    def _passes(self, value: Any) -> bool:
        """Whether a message with this value counts."""
        if value.__class__ is not str:
            named = None if value is None or isinstance(value, list | dict) else name_of(value)
            return named in self._allowed
        found = self._known.get(value)
        if found is None:
            found = name_of(value) in self._allowed
            if len(self._known) < MOST_KNOWN:
                self._known[value] = found
        return found


def named(place: Place | None) -> str:
    """A place as people write it."""
    if place is None or place.path is not None:
        return "model" if place is None else shown(place.path or ())
    return f"header:{place.header}" if place.header is not None else "the key" if place.key else "the topic's name"


def decoded(decoder: msgspec.json.Decoder[Any], lines: Sequence[bytes], text: bytes | None) -> list[Any]:
    """All of `text`, a line each; without it the one line, which may hold line breaks."""
    return [decoder.decode(lines[0])] if text is None else decoder.decode_lines(text)
