"""What is read of a pair, and of a half alone: everything that it says, and nothing that it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from factories import START, click_layout
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pairs import HALVE, Read, Rooms, batch

from operators.dead_letters import Reason
from operators.formats.halves import HalfReader
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.halves import Halve, readers_of
from operators.records import NoEnvelopes, Origin, RawBatch
from operators.settings.source import SourceSettings
from windows.predictions.fold import binning_of, fold
from windows.segments import WHOLE

if TYPE_CHECKING:
    from operators.intake.decode import Decoded
    from operators.records import Headers

LAYOUT = click_layout()
SOURCE = SourceSettings.model_validate({"topic": "logs", "preset": "kserve"})
DECODE = Decode(DecodeConfig((LAYOUT,), 1_000, 500, 60_000, {"click": "binary"}, {0: SOURCE}))
FEATURES = {"age": 33, "clicks": 0, "fixed": 7, "country": "de", "member": True}


def decoded(said: list[tuple[str, bool, int]], bodies: list[Any]) -> list[Decoded]:
    """What becomes of halves once everything was read."""
    rooms = Rooms()
    raw = replace(batch(said), values=[msgspec.json.encode(body) for body in bodies])
    rooms(raw)
    rooms(batch([], ended=True))
    return [DECODE(one) for one in rooms.out]


def test_several_rows_of_a_pair_have_ids_of_their_own() -> None:
    """Each with its features and its prediction, the request's time and the latency between the two."""
    bodies = [{"instances": [FEATURES, {**FEATURES, "age": 40}]}, {"predictions": [0.25, 0.75]}]
    (one,) = [found for found in decoded([("a", False, 0), ("a", True, 30)], bodies) if found.read]
    served = one.served["click"]
    assert list(served.ids) == ["a/0", "a/1"]
    assert served.times.tolist() == [START, START]
    assert list(served.predictions) == [0.25, 0.75]
    columns = one.columns["click"]
    assert columns.latency.tolist() == [30.0, 30.0]
    assert (columns.bare, columns.failed, one.dead) == (None, None, ())


@pytest.mark.parametrize("half", ["request", "response"])
def test_a_half_alone_counts_in_what_it_says(half: str) -> None:
    """A request in features and segments, a response in the prediction: neither is a missing value of the other."""
    answers = half == "response"
    bodies = [{"predictions": [0.25, 0.75]} if answers else {"instances": [FEATURES, FEATURES]}]
    (one,) = [found for found in decoded([("a", answers, 0)], bodies) if found.read]
    assert (one.read, one.dead) == (2, ())
    sketches = fold(binning_of(LAYOUT, 1_000), one.columns["click"])
    (whole,) = [sketch for (_, _, segment), sketch in sketches.items() if segment == WHOLE]
    assert whole[LAYOUT.rows] == 2
    assert whole[LAYOUT.no_latency] == 2
    counted = [int(whole[field.start : field.stop].sum()) for field in LAYOUT.features]
    prediction = LAYOUT.prediction
    assert prediction is not None
    values = int(whole[prediction.start : prediction.missing].sum())
    assert (set(counted), values) == (({0}, 2) if answers else ({2}, 0))
    assert (len(sketches) > 1) is not answers


def test_bare_rows_leave_the_others_as_they_are() -> None:
    """A batch with both is the sum of its parts."""
    said = [("a", False, 0), ("a", True, 30), ("b", True, 0)]
    bodies = [{"instances": [FEATURES]}, {"predictions": [0.25]}, {"predictions": [0.75]}]
    parts = [found.columns["click"] for found in decoded(said, bodies) if found.read]
    assert sorted(part.bare is not None for part in parts) == [False, True]
    whole, bare = sorted(parts, key=lambda part: part.bare is not None)
    together = replace(
        whole,
        panes=np.concatenate([whole.panes, bare.panes]),
        version=np.concatenate([whole.version, bare.version]),
        numeric=np.hstack([whole.numeric, bare.numeric]),
        categorical=np.hstack([whole.categorical, bare.categorical]),
        segments=np.hstack([whole.segments, bare.segments]),
        latency=np.concatenate([whole.latency, bare.latency]),
        bare=np.array([False, True]),
    )
    binning = binning_of(LAYOUT, 1_000)
    apart = fold(binning, whole)
    for key, sketch in fold(binning, bare).items():
        apart[key] = apart[key] + sketch
    found = fold(binning, together)
    assert found.keys() == apart.keys()
    assert all((found[key] == apart[key]).all() for key in found)


def test_a_response_that_says_nothing_is_a_dead_letter() -> None:
    """With the place where it was read; one that is an error is a failed prediction."""
    found = decoded([("a", True, 0), ("b", True, 0)], [{"predictions": [None]}, {"error": "boom"}])
    assert [letter.reason for one in found for letter in one.dead] == [Reason.MISSING_FIELD]
    assert [letter.offset for one in found for letter in one.dead] == [0]
    failed = [one.columns["click"].failed for one in found if one.columns]
    assert [None if one is None else one.tolist() for one in failed] == [[True]]


def test_rows_that_do_not_fit_their_predictions_are_a_dead_letter() -> None:
    """Of the pair, as JSON."""
    found = decoded([("a", False, 0), ("a", True, 1)], [{"instances": [FEATURES] * 3}, {"predictions": [0.5, 0.5]}])
    ((letter,),) = [one.dead for one in found if one.dead]
    assert letter.reason == Reason.BAD_FORMAT
    assert b'"request":' in (letter.value or b"")
    assert b'"response":' in (letter.value or b"")


@settings(max_examples=300, deadline=None)
@given(
    value=st.binary(max_size=80) | st.sampled_from([b'{"instances": [[1]]}', b'{"type": "x.inference.request"}']),
    headers=st.dictionaries(
        st.sampled_from(["ce_id", "ce_type", "ce_time", "content-type", "x-request-id"]),
        st.binary(max_size=20) | st.sampled_from([b"org.kubeflow.serving.inference.request", b"2026-01-01T00:00:00Z"]),
    ),
    preset=st.sampled_from(["kserve", "seldon", "inference_v1"]),
)
def test_whatever_comes_is_a_half_skipped_or_a_dead_letter(
    value: bytes, headers: dict[str, bytes], preset: str
) -> None:
    """Nothing ends the flow, and nothing disappears."""

    class Given(NoEnvelopes):
        def headers(self, index: int) -> Headers:  # noqa: ARG002 - the protocol's signature
            return tuple(headers.items())

    source = SourceSettings.model_validate({"topic": "t.inputs", "preset": preset, "holds": "requests"})
    halved = Halve({0: source}, 500, 60_000)(RawBatch(Origin("t.inputs"), [value] * 2, [START] * 2, Given(), START, 0))
    halves = sum(len(chunk.halves) for _, chunk in halved.chunks)
    assert halves + halved.rest.skipped + len(halved.rest.dead) == 2


def test_sources_of_responses_go_with_those_of_requests() -> None:
    """Of their preset: one of them, no more and no less."""

    def source(holds: str, preset: str = "inference_v2") -> SourceSettings:
        return SourceSettings.model_validate({"topic": "t", "preset": preset, "holds": holds})

    assert readers_of({0: source("responses"), 1: SOURCE, 2: source("requests")}) == {0: 2, 1: 1, 2: 2}
    with pytest.raises(LookupError, match="2 sources of requests"):
        readers_of({0: source("responses"), 1: source("requests"), 2: source("requests")})
    with pytest.raises(LookupError, match="no source of requests with preset mlflow"):
        readers_of({0: source("responses", "mlflow"), 1: source("requests")})


def test_two_topics_are_paired_by_what_the_map_says() -> None:
    """A header in place of the message's key, for a request and its response alike."""
    given = {"topic": "t", "preset": "inference_v2", "map": {"prediction_id": {"header": "ce_id"}}}
    keys = []
    for holds in ("requests", "responses"):
        reader = HalfReader(0, SourceSettings.model_validate({**given, "holds": holds}))
        half = reader(b'{"id": "other"}', 0, batch([("a", False, 0)]))
        assert half is not None
        keys.append((half.key, half.answers))
    assert keys == [("a\x000", False), ("a\x000", True)]
    assert HALVE(batch([("a", False, 0)])).chunks
    assert Read([("a", False, 0)]).key(0) == b"a"
