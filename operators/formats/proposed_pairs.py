"""Proposed pairs: a source that would read the requests of one topic and the responses of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.formats.halves import REQUEST_ID, other_topic
from operators.formats.joined import halves_in
from operators.formats.proposals import of_preset, tried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.formats.proposals import Tried
    from operators.formats.schemas import Schemas
    from operators.records import RawBatch

PLAIN = ("inference_v2", "inference_v1", "mlflow")
"""Presets of bodies alone, the likeliest first."""


def proposed_pair(requests: RawBatch, responses: RawBatch, schemas: Schemas | None = None) -> Tried | None:
    """The source that pairs most of some requests with some responses; None where none reads any of them."""
    best: Tried | None = None
    for settings, looks in _candidates(requests, responses):
        for given, words in of_preset(requests, settings, schemas, looks):
            one = tried(requests, given, schemas, words, responses)
            if one is not None and one.good and (best is None or _rank(one) > _rank(best)):
                best = one
    return best


def _rank(one: Tried) -> tuple[int, bool, int, int]:
    """How well it reads them: pairs first."""
    return one.pairs, one.sure, one.good, one.found


def _candidates(requests: RawBatch, responses: RawBatch) -> Iterator[tuple[dict[str, Any], str]]:
    """Presets, and where the id is."""
    if other_topic(requests.origin.topic) == responses.origin.topic:
        yield {"preset": "seldon"}, "requests and responses of Seldon Core 2"
    for preset, words in halves_in(requests):
        yield {"preset": preset, "holds": "requests"}, words
    places: list[dict[str, Any]] = [{}, *({"prediction_id": {"header": name}} for name in _shared(requests, responses))]
    for preset in PLAIN:
        for place in places:
            about = {"map": place} if place else {}
            yield {"preset": preset, "holds": "requests", **about}, "requests and responses in topics of their own"


def _shared(requests: RawBatch, responses: RawBatch) -> list[str]:
    """Headers that say the same of a request and a response, and of no two requests."""
    asked, answered = _headers(requests), _headers(responses)
    return sorted(
        name
        for name in asked.keys() & answered.keys() - {REQUEST_ID}
        if len(set(asked[name])) == len(asked[name]) and set(asked[name]) & set(answered[name])
    )


def _headers(batch: RawBatch) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for number in range(len(batch.values)):
        for name, value in batch.envelopes.headers(number):
            if value:
                found.setdefault(name, []).append(value)
    return found
