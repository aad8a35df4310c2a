"""Filtered: of a source with a filter, the messages that count are read as columns, as those of one without are.

Which count is found out by the look that the reader in Python begins with; the others are skipped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from operators.formats.heads import Head
from operators.formats.json_lines import joined, suspicious
from operators.formats.packed import ERRORS
from operators.formats.surroundings import Surroundings, part_of
from operators.intake.mixed import WITHIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.intake.native import Tables
    from operators.records import RawBatch
    from operators.settings.source import SourceSettings

    Reader = Callable[[RawBatch], Tables | None]


class Filtered:
    """Reads the messages that count.

    Args:
        reader: reads them.
        source: has a filter; where that is of a field, its messages are JSON.
    """

    def __init__(self, reader: Reader, source: SourceSettings) -> None:
        self._reader = reader
        self._head = Head(None, source)
        self._inside = source.where is not None and source.where.path is not None

    def __call__(self, batch: RawBatch) -> Tables | None:
        """What is rows, and which messages are read record by record; None: all are."""
        count = len(batch.values)
        chosen = self._within(batch) if self._inside else self._around(batch)
        if not chosen:
            return None
        if len(chosen) == count:
            return self._reader(batch)
        found = self._reader(part_of(batch, chosen))
        if found is None:
            return None
        heads = found.heads.copy()
        heads[0] = (np.array(chosen)[heads[0] >> WITHIN] << WITHIN) | (heads[0] & ((1 << WITHIN) - 1))
        back = [chosen[number] for number in found.back]
        return replace(found, heads=heads, back=back, skipped=count - len(chosen))

    def _around(self, batch: RawBatch) -> Sequence[int]:
        """The numbers of the messages that count by their headers."""
        chosen = self._head.chosen(batch)
        return range(len(batch.values)) if chosen is None else chosen

    def _within(self, batch: RawBatch) -> Sequence[int] | None:
        """The numbers of the messages that count by what is in them; None where that takes a closer look."""
        text = joined(batch.values)
        if text is None or suspicious(text):  # not each is an object on a line
            return None
        lines: Sequence[bytes] = [value or b"" for value in batch.values]
        try:
            models = self._head(lines, text, Surroundings(batch, range(len(lines))))
        except ERRORS:
            return None
        return [number for number, model in enumerate(models) if model is not None]
