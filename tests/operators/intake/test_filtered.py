"""Sources with a filter: what counts is read as columns, and all is told as where each message is read in Python."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from factories import START, batch, click, click_layout
from hypothesis import given, settings
from hypothesis import strategies as st
from native_rows import message, scalar, seen

from operators.formats.mapped_lines import MappedParser
from operators.formats.plain import PlainReader
from operators.formats.surroundings import Surroundings
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.native import chosen
from operators.intake.tabular import LEAST
from operators.settings.source import SourceSettings
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.records import Headers, RawBatch

NATIVE = chosen()
needed = pytest.mark.skipif(NATIVE is None, reason="driftgauge-native is not installed, or refused")
LAYOUTS = (click_layout(), layout_of(click("rank")))

FILTERS: dict[str, dict[str, Any]] = {
    "a header": {"where": {"header": "kind", "in": ["score"]}},
    "a field on top": {"where": {"path": "kind", "in": ["score", 7]}},
    "a nested field": {"where": {"path": "meta.kind", "in": ["score", True]}},
    "a field that is read": {"where": {"path": "version", "in": ["score", 7]}},
    "a text on top, one model": {
        "where": {"path": "kind", "in": ["score", "7"]},
        "map": {"model": {"constant": "click"}},
    },
    "an element, a default model": {
        "where": {"path": "meta.list.1", "in": ["score", 7]},
        "map": {"model": {"path": "model", "default": "click"}},
    },
    "one model": {"where": {"path": "meta.kind", "in": ["score"]}, "map": {"model": {"constant": "click"}}},
}
KINDS = ("score", "score", "audit", 7, 7.0, "7", True, None, ["score"], {"score": 1})
BROKEN = (b"", b"{", b"[]", b'"score"', b'{"kind":"score"}', b'{"kind":"audit","features":5}', None, b"{}\n{}", b"\xff")


@dataclass(frozen=True)
class Letters:
    """Envelopes with one header."""

    kinds: Sequence[Any]

    def key(self, index: int) -> bytes | None:  # noqa: ARG002 - the protocol's signature
        """None."""
        return None

    def headers(self, index: int) -> Headers:
        """The kind, where it is a text."""
        kind = self.kinds[index]
        return (("kind", kind.encode()),) if isinstance(kind, str) else ()

    def offset(self, index: int) -> int:
        """The offset."""
        return index


def readers(name: str, *, joined: bool) -> list[Decode]:
    """One that reads natively, one that does not, and one that looks at each message before it reads it."""
    sources = {0: SourceSettings.model_validate({"topic": "t", **FILTERS[name]})}
    tasks = {"click": "binary"} if joined else {}
    config = DecodeConfig(LAYOUTS, 10_000, 5_000, 60_000, tasks, sources, native=NATIVE)
    plain, looking = Decode(replace(config, native=None)), Decode(replace(config, native=None))
    parser = looking.mapped[0]
    assert isinstance(parser, MappedParser)
    parser.reader.kinds = None
    return [Decode(config), plain, looking]


def raw(rng: random.Random, count: int, odd: float) -> RawBatch:
    """Messages of all kinds."""
    kinds = [rng.choice(KINDS) for _ in range(count)]
    values: list[bytes | None] = []
    for number, kind in enumerate(kinds):
        record = {
            "model": rng.choice(["click", "rank"]),
            "prediction_id": f"p{number}",
            "timestamp": START + rng.choice([number, 10_000 * (number % 6), 10_000]),
            "prediction": rng.random(),
            "version": kind if type(kind) in {str, int} and rng.random() < 0.5 else "1",
            "features": {"age": rng.choice([1, 2.5, None, "old"][: 4 if rng.random() < odd else 3]), "country": "de"},
            "kind": kind,
            "meta": {"kind": kind, "list": [0, kind]},
        }
        values.append(rng.choice(BROKEN) if rng.random() < odd / 4 else json.dumps(record).encode())
    return replace(batch(values, written=START + 1_000), source=0, envelopes=Letters(kinds))


def agreed(name: str, given_batches: Sequence[RawBatch], *, joined: bool) -> None:
    """Every way of reading some batches, one after the other, comes to the same."""
    native, *others = readers(name, joined=joined)
    for given_batch in given_batches:
        found = seen(native(given_batch))
        for other in others:
            assert seen(other(given_batch)) == found


@needed
@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 30), odd=st.sampled_from([0.0, 0.3]), joined=st.booleans())
def test_what_counts_is_read_alike(name: str, seed: int, count: int, odd: float, joined: bool) -> None:
    """The same columns, dead letters and reasons, and as many skipped; also among messages that cannot be read."""
    rng = random.Random(seed)
    agreed(name, [raw(rng, count, odd) for _ in range(2)], joined=joined)


def marked(rng: random.Random, value: bytes | None) -> bytes | None:
    """A message that says its kind, as a value of any type, where it has a place for it: once, or twice."""
    if value is None or b"{" not in value:
        return value
    kinds = [rng.choice(['"score"', '"score"', '"sc\\u006fre"', '"7"', "7", "7.0", scalar(rng)]) for _ in range(3)]
    first = f'"kind":{kinds[0]},"meta":{{"kind":{kinds[1]},"list":[0,{kinds[1]}]}},'
    last = f',"kind":{kinds[2]}' if rng.random() < 0.1 else ""
    found = value.replace(b"{", b"{" + first.encode(), 1)
    return found[:-1] + last.encode() + b"}" if last and found.endswith(b"}") else found


@needed
@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=100)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), joined=st.booleans())
def test_odd_records_are_chosen_alike(name: str, seed: int, count: int, joined: bool) -> None:
    """Values of any type in every field, the filter's own among them, keys that come twice, wreckage."""
    rng = random.Random(seed)
    given_batches = []
    for _ in range(2):
        values = [marked(rng, message(rng)) for _ in range(count)]
        letters = Letters([rng.choice(KINDS) for _ in values])
        given_batches.append(replace(batch(values, written=START + 1_000), source=0, envelopes=letters))
    agreed(name, given_batches, joined=joined)


@needed
@pytest.mark.parametrize("name", FILTERS)
def test_messages_that_count_become_columns_at_once(name: str) -> None:
    """And those that do not are read by nobody."""
    native, plain, _ = readers(name, joined=False)
    given_batch = raw(random.Random(3), 300, 0.0)
    read = native.reader_of(0)(given_batch)  # type: ignore[misc]
    assert read is not None
    assert read.back == []
    assert read.skipped == plain(given_batch).skipped > 50


@pytest.mark.parametrize("odd", [b"{", b'{"model":"click","features":{"age":[5]}}', None])
def test_messages_of_columns_with_a_header_that_counts_are_read_at_once(odd: bytes | None) -> None:
    """The others are skipped unread, whatever they hold; what counts and is no such message is told as ever."""
    table = {
        "model": "click",
        "timestamp": [START + number for number in range(LEAST)],
        "features": {"age": list(range(LEAST))},
    }
    source = SourceSettings.model_validate({"topic": "t", "format": "columns", **FILTERS["a header"]})
    fast, slow = (Decode(DecodeConfig(LAYOUTS, 10_000, 5_000, 60_000, {}, {0: source})) for _ in range(2))
    slow.tabular = {}
    values, kinds = [json.dumps(table).encode()] * 3, ["score", "audit", "score"]
    given_batch = replace(
        batch([*values, odd, b"no table"], written=START + 1_000),
        source=0,
        envelopes=Letters([*kinds, "score", None]),
    )
    found, expected = fast(given_batch), slow(given_batch)
    assert seen(found) == seen(expected)
    assert found.skipped == expected.skipped
    read = fast.reader_of(0)(given_batch)  # type: ignore[misc]
    assert read is not None
    assert (read.back, read.skipped, found.skipped) == ([3], 2, 2 + (odd is None))
    assert [letter.offset for letter in found.dead] == [3] * (odd == b"{")


OTHERS = (b"{", b"\x00\x01\x02", b"", b"\x1f\x8b", b"no table", b'{"model":"none","features":{"age":["a", 1]}}', b"[1]")


@pytest.mark.parametrize("form", ["json", "columns", "arrow", "msgpack"])
@pytest.mark.parametrize("holds", ["predictions", "both"])
def test_what_a_header_leaves_out_is_not_read(form: str, holds: str) -> None:
    """Messages of another format in the topic are no dead letters: each is skipped, and tombstones are told as such."""
    source = SourceSettings.model_validate({"topic": "t", "format": form, "holds": holds, **FILTERS["a header"]})
    decode = Decode(DecodeConfig(LAYOUTS, 10_000, 5_000, 60_000, {}, {0: source}))
    values = [*OTHERS, None, *OTHERS, b"\xc1"]
    kinds = [*["audit"] * len(OTHERS), "audit", *[None] * len(OTHERS), "score"]
    found = decode(replace(batch(values, written=START + 1_000), source=0, envelopes=Letters(kinds)))
    assert (found.read, found.skipped, found.tombstones) == (1, 2 * len(OTHERS) + 1, 1)
    assert [letter.offset for letter in found.dead] == [len(values) - 1]


def test_a_look_skips_what_a_header_leaves_out() -> None:
    """As the monitor does."""
    reader = PlainReader(SourceSettings.model_validate({"topic": "t", **FILTERS["a header"]}))
    given_batch = replace(batch([b"{", b"{}"]), envelopes=Letters(["audit", "score"]))
    (left,) = reader.records(b"{", Surroundings(given_batch, [0]))
    (counts,) = reader.records(b"{}", Surroundings(given_batch, [1]))
    assert (left.skipped, counts.skipped) == (True, False)
