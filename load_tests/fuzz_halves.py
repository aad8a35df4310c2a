"""Requests and responses that are messages of their own, changed at random: `fuzz.py` reads them with what is here."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from events import as_json, as_protobuf, binary, in_topics, structured, v1, v1_lists, v2  # noqa: E402  the path comes first
from factories import START  # noqa: E402
from forms import HALVES, apart, in_requests, requests  # noqa: E402

from operators.intake.halves import Halve  # noqa: E402
from operators.intake.pairs import Pairs, PairsConfig, PairsState  # noqa: E402
from operators.records import PAIRS, SHARDS, Origin, RawBatch  # noqa: E402
from operators.settings.source import SourceSettings  # noqa: E402
from operators.step import read_snapshot, snapshot_of  # noqa: E402

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from events import Message

    from operators.intake.decode import Decoded
    from operators.records import Envelopes, Headers

Row = dict[str, Any]
SIDE = ("side", b"responses")
"""Says of a message that it is one of the topic of responses."""
TOPICS = ("t.model.click.inputs", "t.model.click.outputs")
MOST = 8
"""Halves that may wait in a shard: some go alone because too many do."""


def halves(rows: Sequence[Row], names: Sequence[str]) -> Iterator[tuple[str, Row, list[tuple[bytes, Headers]]]]:
    """Name, source and messages of each form."""
    asked = requests(in_requests(rows))
    kserve, seldon = {"preset": "kserve"}, {"preset": "seldon"}

    def of(write: Callable[[Sequence[Row]], list[Message]]) -> list[tuple[bytes, Headers]]:
        found = []
        for some in asked:
            for one in write(some):
                side = (SIDE,) if one.suffix in {".outputs", HALVES[1]} else ()
                found.append((one.value, (*one.headers, *side)))
        return found

    yield "KServe, binary, V1", kserve, of(lambda some: binary(some, v1(some, names)))
    yield (
        "KServe, binary, by position",
        {**kserve, "map": {"features": {"names": list(names)}}},
        of(lambda some: binary(some, v1_lists(some, names))),
    )
    yield "KServe, structured, V2", kserve, of(lambda some: structured(some, v2(some, names)))
    yield "Seldon, JSON", seldon, of(lambda some: in_topics(some, as_json(v2(some, names))))
    for raw in (False, True):
        words = "Seldon, raw Protobuf" if raw else "Seldon, Protobuf"
        yield words, seldon, of(lambda some, raw=raw: in_topics(some[:1], as_protobuf(v2(some[:1], names), raw=raw)))  # type: ignore[misc]
    yield "V1, apart", {"preset": "inference_v1"}, of(lambda some: apart(some, v1(some, names)))


class Reader:
    """Tells halves apart and pairs them.

    Args:
        given: what `sources` says.
        pane: ms.
    """

    def __init__(self, given: Row, pane: int) -> None:
        self._apart = given["preset"] not in {"kserve", "seldon"}
        held = ("requests", "responses") if self._apart else ("predictions",)
        sources = {
            number: SourceSettings.model_validate({"topics": TOPICS, "holds": holds, **given})
            for number, holds in enumerate(held)
        }
        self.source = sources[0]
        self._halve = Halve(sources, 5_000, 60_000)
        self._config = PairsConfig(pane, dict.fromkeys(sources, 10_000), MOST)

    def __call__(self, given: RawBatch) -> tuple[list[Decoded], list[RawBatch], int]:
        """What became of messages that are none, those that were made of the others, and how many those were.

        Half-way every place of pairs goes on from its snapshot.
        """
        shards = {str(at): Pairs(self._config, at, PairsState()) for at in range(SHARDS)}
        rest, made, count = [], [], 0
        for number, one in enumerate([*self._by_topic(given), *self._by_topic(given, ended=True)]):
            halved = self._halve(one)
            rest.append(halved.rest)
            count += sum(len(chunk.halves) for _, chunk in halved.chunks)
            for name, chunk in halved.chunks:
                made += [out for out in shards[name]([chunk]) if isinstance(out, RawBatch) and out.values]
            if not number:
                kept = {name: snapshot_of("pair", name, shard.saved) for name, shard in shards.items()}
                shards = {
                    name: Pairs(self._config, int(name), read_snapshot("pair", one)[1]) for name, one in kept.items()
                }
        return rest, made, count

    def _by_topic(self, given: RawBatch, *, ended: bool = False) -> Iterator[RawBatch]:
        for side, topic in enumerate(TOPICS):
            here = Origin(topic, halves=tuple((name, 1) for name in TOPICS), census=((PAIRS, SHARDS),), ended=ended)
            mine = [
                number
                for number in range(len(given.values) * (not ended))
                if (SIDE in given.envelopes.headers(number)) is bool(side)
            ]
            yield replace(
                given,
                origin=here,
                values=[given.values[number] for number in mine],
                written=[START] * len(mine),
                envelopes=_Some(given.envelopes, mine),
                source=side if self._apart else 0,
            )


class _Some:
    """Envelopes of some messages."""

    def __init__(self, whole: Envelopes, chosen: Sequence[int]) -> None:
        self._whole = whole
        self._chosen = chosen

    def key(self, index: int) -> bytes | None:
        """The key of message `index`."""
        return self._whole.key(self._chosen[index])

    def headers(self, index: int) -> Headers:
        """The headers of message `index`."""
        return self._whole.headers(self._chosen[index])

    def offset(self, index: int) -> int:
        """The offset of message `index`."""
        return self._whole.offset(self._chosen[index])


def odd_headers(headers: Headers, luck: random.Random, change: Callable[[bytes], bytes]) -> Headers:
    """The headers with one of them gone, changed, without a value, or there twice."""
    if not headers:
        return headers
    at = luck.randrange(len(headers))
    name, value = headers[at]
    others: tuple[Headers, ...] = ((), ((name, change(value or b"")),), ((name, None),), ((name, value), (name, b"")))
    return (*headers[:at], *luck.choice(others), *headers[at + 1 :])
