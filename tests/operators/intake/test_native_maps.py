"""Sources with maps, score lists and rankings: both readers say the same, bit by bit, where driftgauge-native is."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from estimated import built, multiclass_rows
from factories import START, batch, categorical, click, click_layout
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped_rows import Value, items, number, record_of, scores, text_time, time, value
from native_rows import seen

from operators.intake.decode import Decode, DecodeConfig
from operators.intake.native import chosen
from operators.settings.source import SourceSettings
from windows.outcomes.layout import Task
from windows.predictions.layout import Layout, layout_of

NATIVE = chosen()
needed = pytest.mark.skipif(NATIVE is None, reason="driftgauge-native is not installed, or refused")

COUNTRY = value("de", "fr", "us", "br", None)
MEMBER = value(True, False, None)
DEVICE = value("web", "phone", "tv")
VERSION = value("1", "2", 3)
SCORE = value(0.25, 0.5, 1, 0.0, None)
ID = value("p1", "p2", 7, None)
FIXED = value(7, 7.5)
BOTH = (click_layout(), layout_of(click("rank"), ("country",)))


def _of_classes(*names: str) -> Layout:
    reference = replace(click(), prediction=categorical(names, [5] * len(names)))
    return layout_of(reference, ("country",))


def _estimated() -> Layout:
    """A model that is estimated from the scores of its three classes."""
    return layout_of(replace(built(multiclass_rows(3_000), "multiclass").reference, model="click"))


@dataclass(frozen=True)
class Scene:
    """Models, the map of a source of theirs, and what its records have at which path."""

    layouts: tuple[Layout, ...]
    map: dict[str, Any] | None
    fields: dict[tuple[str | int, ...], Value]
    joined: dict[str, Task] = field(default_factory=dict)

    def readers(self) -> tuple[Decode, Decode]:
        """One that reads natively, and one that does not."""
        sources = {} if self.map is None else {0: SourceSettings.model_validate({"topic": "t", "map": self.map})}
        config = DecodeConfig(self.layouts, 10_000, 5_000, 60_000, self.joined, sources, native=NATIVE)
        return Decode(config), Decode(replace(config, native=None))


def _features(*base: str | int) -> dict[tuple[str | int, ...], Value]:
    plain = {"age": number, "clicks": number, "fixed": FIXED, "country": COUNTRY, "member": MEMBER}
    return {(*base, name): drawn for name, drawn in plain.items()}


def _contract(prediction: Value, name: Value) -> dict[tuple[str | int, ...], Value]:
    """Fields where the contract has them."""
    return {
        ("model",): name,
        ("timestamp",): time(1),
        ("version",): VERSION,
        ("prediction",): prediction,
        ("prediction_id",): ID,
        ("latency_ms",): number,
        **_features("features"),
        ("context", "device"): DEVICE,
    }


NESTED = {
    "model": {"constant": "click"},
    "timestamp": {"path": "meta.at", "unit": "s"},
    "version": "meta.version",
    "prediction": "out.score",
    "prediction_id": "meta.id",
    "latency_ms": {"path": "meta.seconds", "scale": 1000},
    "error": "out.error",
    "features": {
        "path": "in",
        "rename": {"Alter": "age", "land": "country"},
        "drop": ["fixed"],
        "fields": {"fixed": "out.fixed"},
    },
    "context": {"device": "client.0.device"},
}
NESTED_FIELDS: dict[tuple[str | int, ...], Value] = {
    ("meta", "at"): time(1_000),
    ("meta", "version"): VERSION,
    ("meta", "id"): ID,
    ("meta", "seconds"): number,
    ("out", "score"): SCORE,
    ("out", "error"): value(None, None, False, "", "broken"),
    ("out", "fixed"): FIXED,
    ("in", "Alter"): number,
    ("in", "clicks"): number,
    ("in", "land"): COUNTRY,
    ("in", "member"): MEMBER,
    ("client", 0, "device"): DEVICE,
}
ARRAY = {
    "model": "head.model",
    "timestamp": {"path": "at", "unit": "us"},
    "prediction": "scores.1",
    "features": {"path": "values", "names": ["age", None, "clicks", "fixed", "country", "member"]},
}
ARRAY_FIELDS: dict[tuple[str | int, ...], Value] = {
    ("at",): time(1e-3),
    ("scores", 1): SCORE,
    ("values", 0): number,
    ("values", 2): number,
    ("values", 3): FIXED,
    ("values", 4): COUNTRY,
    ("values", 5): MEMBER,
    ("context", "device"): DEVICE,
    ("head", "model"): value("click", "rank"),
}
FLAT = {
    "model": {"path": "name", "default": "rank"},
    "timestamp": {"path": "at", "unit": "rfc3339"},
    "version": {"constant": 7.0},
    "error": None,
    "latency_ms": None,
    "features": "$",
    "context": {"device": {"constant": "phone"}},
}
FLAT_FIELDS: dict[tuple[str | int, ...], Value] = {
    **_features(),
    ("at",): text_time,
    ("prediction",): SCORE,
    ("name",): value("click", "rank", None),
}
CLASSES = ("de", "fr", "true")
CHOSEN = {"model": {"constant": "click"}, "prediction": {"path": "scores", "classes": list(CLASSES)}}
NAMED = _contract(SCORE, value("click", "rank"))
SCENES = {
    "nested": Scene(BOTH, NESTED, NESTED_FIELDS),
    "nested, joined": Scene(BOTH, NESTED, NESTED_FIELDS, {"click": "binary"}),
    "array": Scene(BOTH, ARRAY, ARRAY_FIELDS),
    "flat": Scene(BOTH, FLAT, FLAT_FIELDS),
    "flat, one model": Scene(BOTH[1:], FLAT, {**FLAT_FIELDS, ("name",): value("rank", None)}),
    "where the contract has them": Scene(BOTH, {}, NAMED),
    "the same, one model": Scene(BOTH[:1], {}, {**NAMED, ("model",): value("click")}, {"click": "binary"}),
    "the best of a list": Scene((_of_classes(*CLASSES),), CHOSEN, {**NAMED, ("scores",): scores(3)}),
    "the best of a list, joined": Scene(
        (_of_classes(*CLASSES),), CHOSEN, {**NAMED, ("scores",): scores(3)}, {"click": "multiclass"}
    ),
    "lists": Scene((_of_classes("0", "1", "2"),), None, _contract(scores(3), value("click"))),
    "lists, joined": Scene(
        (_of_classes("0", "1", "2"),), None, _contract(scores(3), value("click")), {"click": "multiclass"}
    ),
    "lists by name": Scene(
        (replace(_of_classes("de", "fr"), positions=("fr", "de")),), None, _contract(scores(2), value("click"))
    ),
    "pairs": Scene((replace(click_layout(), pair=1),), None, _contract(scores(2), value("click")), {"click": "binary"}),
    "pairs without a profile": Scene(
        (layout_of(replace(click(), prediction=None)),), None, _contract(scores(2), value("click")), {"click": "binary"}
    ),
    "rankings": Scene(
        (layout_of(replace(click(), prediction=None)),),
        None,
        _contract(items, value("click")),
        {"click": "ranking"},
    ),
    "estimated": Scene(
        (_estimated(),),
        None,
        {
            ("model",): value("click"),
            ("timestamp",): time(1),
            ("prediction",): scores(3),
            **{("features", f"x{i}"): number for i in range(3)},
        },
    ),
}


@needed
@pytest.mark.parametrize("scene", SCENES)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 20))
def test_records_of_any_shape_are_read_alike(scene: str, seed: int, count: int) -> None:
    """Ordinary records and hostile ones, alone, on lines and in arrays: the same columns, dead letters and reasons."""
    found = SCENES[scene]
    native, plain = found.readers()
    rng = random.Random(seed)
    rows = [record_of(rng, found.fields, odd=rng.random() < 0.6) for _ in range(count)]
    messages: list[bytes | None] = [*rows]
    if rng.random() < 0.3:
        messages.append(rng.choice((b"\n".join(rows), b"[" + b", ".join(rows) + b"]", None, b"[]", b"{}")))
    raw = replace(batch(messages, written=START + 1_000), source=None if found.map is None else 0)
    assert seen(native(raw)) == seen(plain(raw))


@needed
@pytest.mark.parametrize("scene", SCENES)
def test_ordinary_records_are_read_natively(scene: str) -> None:
    """Nearly all: lists of another length than the classes are for Python."""
    found = SCENES[scene]
    native, _ = found.readers()
    rng = random.Random(3)
    rows = [record_of(rng, found.fields, odd=False) for _ in range(300)]
    reader = native.native if found.map is None else native.native_maps[0]
    assert reader is not None
    read = reader(replace(batch(rows, written=START + 1_000), source=None if found.map is None else 0))
    assert read is not None
    assert len(read.back) <= 75


@needed
@pytest.mark.parametrize(
    ("given_source", "said"),
    [
        (
            {"split": "items", "map": {"features": "items.x", "prediction": "items.p"}},
            "t is read in Python: its messages are split",
        ),
        ({"holds": "both"}, "it holds feedback too"),
        ({"format": "msgpack"}, "its format is msgpack"),
        ({"map": {"version": "header:v"}}, "model click in t is read in Python: version is beside the message's value"),
        ({"map": {"latency_ms": {"constant": 5}}}, "latency_ms is constant"),
        ({"map": {"context": {"device": "header:d"}}}, "context 'device' is beside the message's value"),
        ({"map": {"model": "header:m"}}, "the model's name is beside the message's value"),
    ],
)
def test_what_is_read_in_python_is_told_with_the_reason(
    given_source: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By the source, and by the model where it is the model's."""
    caplog.set_level("INFO", "driftgauge.native")
    sources = {0: SourceSettings.model_validate({"topic": "t", **given_source})}
    Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, sources=sources, native=NATIVE))
    assert said in caplog.text
