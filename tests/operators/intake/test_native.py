"""Both readers of predictions say the same, bit by bit; runs where driftgauge-native is installed."""

import json
import os
import random
import sys
from dataclasses import replace

import numpy as np
import pytest
from factories import START, batch, categorical, click, click_layout, numeric, record, reference_of
from hypothesis import example, given
from hypothesis import strategies as st
from native_rows import message, seen, usual

from operators.intake.decode import Decode, DecodeConfig
from operators.intake.native import INTERFACE, NativeError, NativeReader, chosen, described
from windows.outcomes.layout import Task
from windows.predictions.layout import Layout, layout_of
from windows.usage import Prices
from windows.values import Reading

NATIVE = chosen()
if NATIVE is None and os.environ.get("DRIFTGAUGE_REQUIRE_NATIVE"):
    raise RuntimeError("driftgauge-native is not installed, or refused")
needed = pytest.mark.skipif(NATIVE is None, reason="driftgauge-native is not installed, or refused")


def _of_classes(name: str) -> Layout:
    """A model whose predictions are categories, some of which look like other values."""
    classes = categorical(("de", "true", "7", "0.3"), [5, 5, 5, 5])
    return layout_of(replace(click(name), prediction=classes), ("country",))


def _unprofiled(name: str) -> Layout:
    return layout_of(replace(click(name), prediction=None), ("device",))


def _priced(name: str) -> Layout:
    return layout_of(click(name), ("country",), prices=Prices())


SCENES: dict[str, tuple[tuple[Layout, ...], dict[str, Task]]] = {
    "two models": ((click_layout(), layout_of(click("rank"), ("country",))), {}),
    "one joined": ((click_layout(), layout_of(click("rank"), ("country",))), {"click": "binary"}),
    "classes": ((_unprofiled("click"), _of_classes("rank")), {}),
    "classes joined": ((_unprofiled("click"), _of_classes("rank")), {"click": "binary", "rank": "multiclass"}),
    "numbers joined": ((_unprofiled("rank"), _of_classes("click")), {"click": "multiclass", "rank": "regression"}),
    "one ranks": ((_unprofiled("rank"), _unprofiled("click")), {"click": "multiclass", "rank": "ranking"}),
    "one in Python": ((_priced("rank"), _unprofiled("click")), {"click": "multiclass", "rank": "binary"}),
}


def readers(layouts: tuple[Layout, ...], joined: dict[str, Task] | None = None) -> tuple[Decode, Decode]:
    """One that reads natively, and one that does not."""
    config = DecodeConfig(layouts, 10_000, 5_000, 60_000, joined or {}, native=NATIVE)
    return Decode(config), Decode(replace(config, native=None))


def accepted(decode: Decode, messages: list[bytes | None]) -> int:
    """How many messages the native reader keeps."""
    reader = decode.native
    assert reader is not None
    found = reader(batch(messages, written=START + 1_000))
    return 0 if found is None else len(messages) - len(found.back)


@needed
@pytest.mark.parametrize("scene", SCENES)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 30), written=st.booleans())
def test_messages_from_ordinary_to_hostile_are_read_alike(scene: str, seed: int, count: int, written: bool) -> None:
    """Columns, late records, dead letters and what the join needs: the same whoever reads, in the same order."""
    native, plain = readers(*SCENES[scene])
    rng = random.Random(seed)
    raw = batch([message(rng) for _ in range(count)])
    raw = replace(
        raw,
        written=[START + rng.randint(-3_000, 3_000) for _ in range(count)] if written else None,
        received=START + 1_000,
    )
    assert seen(native(raw)) == seen(plain(raw))


@needed
@given(given_bytes=st.lists(st.binary(max_size=60) | st.text(max_size=40).map(str.encode), min_size=1, max_size=5))
@example(given_bytes=[b"{" * 100_000])
@example(given_bytes=[b"[" * 100_000])
@example(given_bytes=[b'{"a":' * 50_000])
def test_any_bytes_are_read_alike(given_bytes: list[bytes]) -> None:
    """Bytes of no kind at all, between good records."""
    native, plain = readers(*SCENES["one joined"])
    raw = batch([record(), *given_bytes, record()])
    assert seen(native(raw)) == seen(plain(raw))


@needed
@pytest.mark.parametrize("scene", [name for name in SCENES if name not in {"one in Python", "one ranks"}])
def test_ordinary_traffic_is_read_natively_to_the_last_record(scene: str) -> None:
    """Otherwise all else here would compare Python with itself."""
    native, _ = readers(*SCENES[scene])
    rng = random.Random(1)
    rows = [usual(rng, rng.choice(("click", "rank"))).encode() for _ in range(500)]
    some = [b"\n".join(rows[:50]), b"[" + b", ".join(rows[50:100]) + b"]"]
    assert accepted(native, [*rows, *some]) == 502


@needed
def test_floats_are_those_of_python() -> None:
    """200,000 numbers of every length and size, half-way points and the smallest ones among them: bit by bit."""
    names = [f"x{i}" for i in range(100)]
    layout = layout_of(reference_of({name: numeric([0.0, 1.0], [1]) for name in names}, rows=1))
    native, _ = readers((layout,))
    rng = random.Random(7)
    texts = [_float(rng) for _ in range(200_000)]
    for start in range(0, len(texts), 20_000):
        some = texts[start : start + 20_000]
        rows = [_row(names, some[at : at + 100]) for at in range(0, len(some), 100)]
        messages: list[bytes | None] = [row.encode() for row in rows]
        assert accepted(native, messages) == len(messages)
        found = native(batch(messages)).columns["click"].numeric
        assert found.T.tobytes() == np.array([float(text) for text in some]).tobytes()


def _row(names: list[str], texts: list[str]) -> str:
    """A record with these features, as they are written."""
    features = ",".join(f'"{name}":{text}' for name, text in zip(names, texts, strict=True))
    return f'{{"model":"click","timestamp":{START},"features":{{{features}}}}}'


def _float(rng: random.Random) -> str:
    """A finite number that is not an integer, as JSON."""
    kind = rng.randrange(6)
    if kind == 0:
        return repr(rng.gauss(0, 1))
    if kind == 1:
        digits = "".join(rng.choices("0123456789", k=rng.randint(1, 40)))
        return f"{rng.randint(0, 9)}.{digits}e{rng.randint(-330, 300)}"
    if kind == 2:
        value = abs(np.frombuffer(rng.randbytes(8), dtype=np.float64)[0])
        return repr(float(value)) if np.isfinite(value) and "e" in repr(float(value)) else "0.5"
    if kind == 3:  # between two floats, or a hair beside
        low = rng.randrange(2**52, 2**53)
        return f"{low}.{rng.choice(('5', '49999999999999999', '50000000000000001', '4', '6'))}"
    if kind == 4:
        return f"{rng.randrange(10 ** rng.randint(1, 19))}e-{rng.randint(0, 340)}"
    return f"{rng.randrange(10 ** rng.randint(1, 17))}.0"


@needed
def test_numbers_are_read_at_the_resolution_of_their_feature() -> None:
    """As in Python: multiples of the resolution, and texts that stand for none are somebody else's."""
    reference = replace(click(), readings={"age": Reading(("NA",), 0.1)})
    layout = layout_of(reference)
    native, plain = readers((layout,))
    rows: list[bytes | None] = [
        record(features={"age": 33.333, "clicks": 1}),
        record(features={"age": "NA", "clicks": 2}),
        record(features={"age": 0.05}),
    ]
    assert accepted(native, rows) == 2
    assert seen(native(batch(rows))) == seen(plain(batch(rows)))
    assert native(batch(rows)).columns["click"].numeric[0, 0] == 333 * 0.1


@needed
def test_a_batch_that_breaks_the_reader_is_read_in_python(caplog: pytest.LogCaptureFixture) -> None:
    """What it cannot make sense of at all comes back whole, and is told."""
    native, _ = readers((click_layout(),))
    raw = replace(batch([record()] * 3), written=[START])
    assert isinstance(native.native, NativeReader)
    assert native.native(raw) is None
    assert "broke down" in caplog.text


@needed
def test_a_topic_of_other_records_is_not_tried_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """After some batches in vain most are read in Python at once, which is told; one that is read again ends that."""
    caplog.set_level("INFO", "driftgauge.native")
    native, _ = readers((click_layout(),))
    odd, good = batch([b"{}"] * 2), batch([record()] * 2)
    assert native.native is not None
    for _ in range(NativeReader.PATIENCE):
        native.native(odd)
    tried = [native.native(good) is not None for _ in range(NativeReader.PAUSE + 1)]
    assert tried == [False] * (NativeReader.PAUSE - 1) + [True, True]
    assert caplog.messages == ["most records of predictions/0 are not what driftgauge-native reads: Python does"]


@needed
def test_a_model_that_is_read_in_python_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """With the reason; the others are read natively."""
    caplog.set_level("INFO", "driftgauge.native")
    readers(*SCENES["one in Python"])
    assert caplog.messages == ["model rank is read in Python: its cost is watched"]


def test_the_environment_chooses() -> None:
    """0 refuses the package, and what is no choice is refused in words."""
    assert chosen({"DRIFTGAUGE_NATIVE": "0"}) is None
    assert described({"DRIFTGAUGE_NATIVE": "0"}) == "predictions are read in Python (DRIFTGAUGE_NATIVE=0)"
    with pytest.raises(NativeError, match="DRIFTGAUGE_NATIVE=yes: must be auto, 0 or 1"):
        chosen({"DRIFTGAUGE_NATIVE": "yes"})


def test_a_package_that_is_insisted_on_is_there_or_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """1 refuses to start; another package of that name is as good as none."""
    monkeypatch.setitem(sys.modules, "driftgauge_native", None)
    assert chosen({}) is None
    assert "driftgauge-native of this version is not installed" in described({})
    with pytest.raises(NativeError, match="is not to be had"):
        chosen({"DRIFTGAUGE_NATIVE": "1"})
    monkeypatch.setitem(sys.modules, "driftgauge_native", json)
    assert chosen({}) is None
    with pytest.raises(NativeError, match=f"speaks interface None and not {INTERFACE}"):
        chosen({"DRIFTGAUGE_NATIVE": "1"})
