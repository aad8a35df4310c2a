"""What a column of text is: numbers, categories or times, from the evidence of its first rows.

One odd cell never decides. Whatever is not evident is noted, with what to say instead.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.rows.columns import Column, Wishes
from stream.rows.lists import LOOKS, read_list
from windows.arrays import BoolArray, FloatArray, IntArray

MOST = 0.95
"""The share of the cells that makes a column what it is."""
FEW_CODES = 20
"""Whole numbers of so few values beside text are codes."""
NAMED_CATEGORIES = 100
"""Text of numbers with more values than a profile names is numbers: as categories it would tell nothing."""
CODES = 0.01
"""From this share of numbers that begin with 0 on, they are codes."""
SHOWN = 3

# fmt: off
NULLS = frozenset((
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "NaT", "None", "\\N", "n/a", "nan", "null",
))
"""How writers of CSV say that there is no value."""
PLACEHOLDERS = NULLS | frozenset((
    "?", "??", "-", "--", ".", "..", "*", "n.a.", "na", "nil", "none", "unknown", "Unknown", "UNKNOWN", "missing",
    "Missing", "MISSING", "undefined", "not available", "Not Available", "#VALUE!", "#REF!", "#DIV/0!",
))
"""How people say that there is no number."""
# fmt: on

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?[iI]nf(inity)?$|^[+-]?INF(INITY)?$"
_COMMA = r"^[+-]?\d+,\d+([eE][+-]?\d+)?$"
DRESSED = "numbers with thousands separators, signs of currency or %, which are read as text: write them plainly"
_DRESSED = (
    r"^[+-]?[$€£¥]? ?[+-]?(\d{1,3}([,' \x{a0}\x{202f}]?\d{3})*(\.\d+)?|\d{1,3}([.' \x{a0}\x{202f}]?\d{3})*(,\d+)?)"
    r"[ \x{a0}\x{202f}]?[%€$£]?$"
)
_ZERO_FIRST = r"^[+-]?0\d+$"
_WHOLE = r"^[+-]?\d+(\.0*)?$"
_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"
CENTURY = (946_684_800, 4_102_444_800)
"""The years 2000 to 2100 in epoch seconds."""
DAY, MANY_DAYS = 86_400_000, 100
FEWEST_KEYS, ONCE = 100, 0.99
"""So many numbers, and such a share of them distinct, may be names of rows."""
COUNTED = 0.5
"""Share of steps from row to row that are the same, where numbers are counted."""
_KEY = re.compile(r"((^|[\W_])(id|ids|key|index|idx|uid|pk|row_?(no|num|number)?)|[a-z](Id|ID)|RowNumber)$")
_VERSION = re.compile(r"(?i:(^|[\W_])(versions?|firmware)($|[\W_]))|[a-z](Version|Firmware)$")
_PARTED = r"^\d+\.\d+$"
_LOST = r"^\d+\.\d*[1-9]0+$"
"""Text of a number whose last digit a number does not keep: "1.10"."""
_TIMELY = re.compile(r"(time|date|epoch|unix|_at$|_ts$|^ts)", re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Texts:
    """The cells of a column as text.

    Attributes:
        cells: pa.string()[n], null where there is none.
        written: "csv" where text is all that the format has, "typed" where the writer chose text though it could have
            written numbers, "mixed" where some cells are numbers.
    """

    cells: pa.Array
    written: Literal["csv", "typed", "mixed"]


class _Seen:
    """The distinct cells and what they look like."""

    def __init__(self, cells: pa.Array, missing: Iterable[str] | None) -> None:
        self.gaps = cells.null_count
        counted = pc.value_counts(pc.utf8_trim_whitespace(cells.drop_null()))
        texts, counts = counted.field(0), np.asarray(counted.field(1), dtype=np.int64)
        if missing is not None:
            kept = np.asarray(pc.invert(_is_in(texts, missing)), dtype=bool)
            texts, counts = texts.filter(pa.array(kept)), counts[kept]
        self.texts: pa.Array = texts
        self.counts: IntArray = counts
        self.null = np.zeros(len(counts), dtype=bool) if missing is not None else self.among(NULLS)
        self.placeholder = self.among(PLACEHOLDERS)
        self.number = self.like(NUMBER) & ~self.null
        self.present = int(counts[~self.null].sum())

    def like(self, pattern: str) -> BoolArray:
        """bool[distinct]: which match."""
        return np.asarray(pc.match_substring_regex(self.texts, pattern), dtype=bool)

    def among(self, names: Iterable[str]) -> BoolArray:
        """bool[distinct]: which are one of these."""
        return np.asarray(_is_in(self.texts, names), dtype=bool)

    def share(self, mask: BoolArray, beside: BoolArray | None = None) -> float:
        """Share of the cells that are neither null nor `beside`."""
        others = ~self.null if beside is None else ~self.null & ~beside
        total = int(self.counts[others].sum())
        return int(self.counts[mask & others].sum()) / total if total else 0.0

    def values(self) -> FloatArray:
        """float64: the numbers among the distinct cells."""
        texts = pc.replace_substring_regex(self.texts.filter(pa.array(self.number)), r"^\+", "")
        return np.asarray(texts.cast(pa.float64()), dtype=np.float64)

    def named(self, mask: BoolArray) -> dict[str, int]:
        """The cells of a mask, most frequent first."""
        order = np.flatnonzero(mask)
        order = order[np.argsort(-self.counts[order], kind="stable")]
        return {self.texts[int(index)].as_py(): int(self.counts[index]) for index in order[:1_000]}


def unless_marks(column: Column, values: FloatArray) -> Column:
    """The column of numbers, unless they are all epoch times, or name rows: those only ever grow.

    Milli-, micro- and nanoseconds of this century are hardly anything else, nor are milliseconds of whole days of any;
    seconds are times where the name says so. Numbers name rows where each is there once and the name says so, or where
    they are counted from row to row, whatever they are called: values to come are none that were seen.

    Args:
        column: of whole numbers, maybe.
        values: float64[n], in the order of rows.
    """
    values = values[np.isfinite(values)]
    if not len(values) or np.any(values != np.floor(values)):
        return column
    many = len(values) >= FEWEST_KEYS
    if many and _KEY.search(column.name) and _once(values):
        return replace(column, key=True)
    low, high = float(values.min()), float(values.max())
    scales = (1e3, 1e6, 1e9, *((1.0,) if _TIMELY.search(column.name) else ()))
    recent = any(CENTURY[0] * scale <= low and high < CENTURY[1] * scale for scale in scales)
    days = max(-low, high) >= MANY_DAYS * DAY and not np.any(values % DAY)
    if recent or days:  # of a row an hour they are counted, too
        return replace(column, kind="time", what="epoch times")
    return replace(column, key=True) if many and _counted(values) else column


def _once(values: FloatArray) -> bool:
    return len(np.unique(values)) >= ONCE * len(values)


def _counted(values: FloatArray) -> bool:
    """Whether each is more, or less, than the one before it, mostly by the same.

    A table may be sorted by one of its features, whose steps differ.
    """
    steps = np.diff(values)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        return False
    _, counts = np.unique(steps, return_counts=True)
    return bool(counts.max() >= COUNTED * len(steps))


def decide(column: Column, texts: Texts, wishes: Wishes) -> Column:
    """The column as its text is to be read."""
    said, wanted = wishes.missing_of(column.name), wishes.kinds.get(column.name)
    seen = _Seen(texts.cells, said)
    column = replace(column, missing=said or ())
    if wanted == "categorical":
        return _category(column, seen, texts, said)
    if wanted == "numeric":
        return _numbers(column, seen, said, comma=seen.share(seen.like(_COMMA)) > seen.share(seen.number))
    if not seen.present:
        return replace(column, kind="number", empty=True)
    return _evident(column, seen, texts, said)


def _evident(column: Column, seen: _Seen, texts: Texts, said: tuple[str, ...] | None) -> Column:
    """The column as its cells look."""
    if why := _spelled(column.name, seen):
        return _category(column, seen, texts, said, why)
    if max(seen.share(seen.number), seen.share(seen.number, seen.placeholder)) >= MOST:
        return _numeric(column, seen, texts, said)
    if texts.written == "csv" and seen.share(seen.like(_COMMA) | seen.number, seen.placeholder) >= MOST:
        return replace(_numbers(column, seen, said, comma=True), note="read as numbers with a decimal comma")
    if seen.share(seen.like(_TIME)) >= MOST:
        return replace(column, kind="time", what="times")
    if _lists(seen):
        return replace(column, kind="list", what="lists as text")
    return _category(column, seen, texts, said)


def _spelled(name: str, seen: _Seen) -> str:
    """Why numbers are categories for how they are spelled; empty where they are not."""
    if seen.share(seen.like(_ZERO_FIRST)) >= CODES:
        return "codes: some begin with 0"
    return (
        f"versions: 1.10 is not 1.1; {_instead(name, 'numeric')} if these are numbers" if _versions(name, seen) else ""
    )


def _versions(name: str, seen: _Seen) -> bool:
    """Whether the cells are versions of two parts, of which numbers would lose a digit.

    Nobody writes 1.9 and 1.10 of numbers: writers drop the last zero of all, or of none. Where no such cell is among
    them yet, the name of the column decides.
    """
    parted = seen.like(_PARTED)
    if len(seen.texts) > NAMED_CATEGORIES or seen.share(parted, seen.placeholder) < MOST:
        return False
    if _VERSION.search(name):
        return True
    decimals = {len(text.partition(".")[2]) for text in seen.texts.filter(pa.array(parted)).to_pylist()}
    return len(seen.texts) <= FEW_CODES and len(decimals) > 1 and seen.share(seen.like(_LOST)) >= CODES


def _lists(seen: _Seen) -> bool:
    """Whether the cells are lists, such as scores of classes or ranked items; a few of them are names of ranges."""
    found = seen.like(LOOKS) & ~seen.null
    some = seen.texts.filter(pa.array(found)).slice(0, NAMED_CATEGORIES).to_pylist()
    few = len(some) <= FEW_CODES and int(seen.counts[found].sum()) > len(some)
    return not few and seen.share(found) >= MOST and all(read_list(text) is not None for text in some)


def _numbers(column: Column, seen: _Seen, said: tuple[str, ...] | None, *, comma: bool) -> Column:
    return replace(column, kind="number", comma=comma, missing=(*column.missing, *_numberless(seen, said)))


def _numeric(column: Column, seen: _Seen, texts: Texts, said: tuple[str, ...] | None) -> Column:
    """Numbers, beside which there may be a few odd cells."""
    odd = ~seen.number & ~seen.null
    numbers = seen.named(seen.number)
    whole = bool(seen.like(_WHOLE)[seen.number].all())
    few = len(numbers) <= FEW_CODES and whole
    if few and (odd & ~seen.placeholder).any():
        return _category(column, seen, texts, said)
    if texts.written == "typed" and whole and len(numbers) <= NAMED_CATEGORIES:
        return _category(column, seen, texts, said)
    notes = []
    if texts.written == "typed":
        notes.append(
            f"text of numbers is read as numbers; {_instead(column.name, 'categorical')} if these are categories"
        )
    if odd.any():
        found = seen.named(odd)
        notes.append(
            f"numbers, but for {_listed(found)}, which count as missing; --missing {next(iter(found))!r} says so,"
            f" {_instead(column.name, 'categorical')} if these are categories"
        )
    numeric = replace(column, missing=(*column.missing, *_numberless(seen, said)), note="; ".join(notes))
    return unless_marks(numeric, np.repeat(seen.values(), seen.counts[seen.number])) if whole else numeric


def _numberless(seen: _Seen, said: tuple[str, ...] | None) -> tuple[str, ...]:
    """The usual texts for no number that a column of numbers holds, unless the user said which there are."""
    return tuple(seen.named(seen.placeholder | seen.null)) if said is None else ()


def _category(column: Column, seen: _Seen, texts: Texts, said: tuple[str, ...] | None, why: str = "") -> Column:
    notes = [f"categories ({why})"] if why else []
    numbers = seen.share(seen.number)
    if not why and 0 < numbers < 1 and numbers >= 0.5:
        other = seen.named(~seen.number & ~seen.null)
        notes.append(
            f"categories, for beside numbers it has {_listed(other)}; {_instead(column.name, 'numeric')} if these are"
            " numbers, --missing TEXT for what stands for none"
        )
    if not why and seen.share(seen.like(_DRESSED) & ~seen.number, seen.placeholder) >= 0.5:
        notes.append(DRESSED)
    missing = column.missing
    if texts.written == "csv" and said is None:
        found, note = _nulls_of(seen)
        missing = (*missing, *found)
        notes += [note] if note else []
    return replace(column, kind="category", missing=missing, note="; ".join(notes))


def _nulls_of(seen: _Seen) -> tuple[tuple[str, ...], str]:
    """Which of the usual texts are missing values among categories of a CSV file, and what to say of it.

    An empty field is missing as a rule. Where there are empty fields, "NA" is something else; among country codes it is
    Namibia.
    """
    found = seen.named(seen.null)
    blank = found.pop("", 0)
    others = seen.named(~seen.null)
    codes = sum(bool(_COUNTRY.fullmatch(text)) for text in others) >= 0.8 * len(others) > 0
    empty = ("",) if blank and not seen.gaps else ()
    if not found:
        return empty, ""
    if seen.gaps or blank or codes:
        return (
            empty,
            f"{_listed(found)} is read as a category, not as missing; --missing {next(iter(found))!r} if it is",
        )
    return (*empty, *found), f"{_listed(found)} is read as missing; `missing: []` in the config if it is a category"


def _instead(name: str, kind: str) -> str:
    return f"--{kind} {name!r}" if not name.isidentifier() else f"--{kind} {name}"


def _listed(found: dict[str, int]) -> str:
    shown = [f"{text[:40]!r} ({count:,} cell{'s' if count > 1 else ''})" for text, count in list(found.items())[:SHOWN]]
    more = len(found) - SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def odd_cells(found: Counter[str]) -> str:
    """The texts that a column of numbers holds, in words."""
    return _listed(dict(found.most_common()))


def _is_in(texts: pa.Array, names: Iterable[str]) -> pa.Array:
    return pc.is_in(texts, value_set=pa.array(list(names), texts.type))
