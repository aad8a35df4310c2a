"""NaN and Infinity, as Python's json writes them: the value is missing, and the record is read, in every form."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from factories import START, batch, click_layout
from hypothesis import example, given
from hypothesis import strategies as st
from native_rows import seen

from operators.dead_letters import Reason
from operators.formats.literals import finite
from operators.formats.plain import PlainReader
from operators.formats.surroundings import Surroundings
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.intake.label_codes import LabelCodes
from operators.settings.source import SourceSettings
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

NAN = float("nan")
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["NaN", "-Infinity", "\\"])
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


def without(tree: Any) -> Any:
    """The same with None for what is no number."""
    if isinstance(tree, dict):
        return {key: without(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [without(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


@given(tree=TREES, indent=st.sampled_from([None, 1]))
@example(tree=["-", "NaN", NAN, {"NaN": -math.inf}], indent=None)
def test_only_literals_become_null(tree: Any, indent: int | None) -> None:
    """Python's json says what is one, and what is a text that looks like one."""
    text = json.dumps(tree, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    plain = finite(text)
    assert plain == json.dumps(without(tree), indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert (plain is text) == (plain == text)


@pytest.mark.parametrize("text", [b'{"a":"NaN', b'"\\"NaN', b"-NaNs", b"Infinit NaN", b'NaN"NaN'], ids=repr)
def test_what_is_no_json_stays_none(text: bytes) -> None:
    """Whatever is put in its place."""
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra|Invalid"):
        json.loads(finite(text), parse_constant=pytest.fail)


def record(number: int, odd: Any) -> dict[str, Any]:
    """A record of which what may be missing is this."""
    return {
        "model": "click",
        "prediction_id": f"NaN {number}",
        "timestamp": START + number,
        "prediction": odd if number % 3 == 0 else 0.25,
        "features": {"age": odd if number % 3 == 1 else 33, "clicks": 1.5, "country": "de"},
        "latency_ms": odd if number % 3 == 2 else 4.0,
        "unread": [odd, {"NaN": odd}],
    }


SHOP = {"prediction_id": "prediction_id", "prediction": "prediction", "latency_ms": "latency_ms"}
SOURCES: dict[str, dict[str, Any] | None] = {
    "contract": None,
    "map": {"map": SHOP},
    "filter": {"map": SHOP, "where": {"path": "model", "in": ["click"]}},
    "split": {"map": {"prediction": "rows.prediction", "features": "rows.features"}, "split": "rows"},
    "columns": {"format": "columns"},
}
COUNT = 40


def messages(form: str, odd: Any, packing: str) -> list[bytes]:
    """The records of a form, each a message, or several in one."""
    rows = [record(number, odd) for number in range(COUNT)]
    if form == "split":
        return [json.dumps({"model": "click", "timestamp": START, "rows": rows[at : at + 5]}).encode() for at in (0, 5)]
    if form == "columns":
        tree = {
            name: [row[name] for row in rows] for name in ("prediction_id", "timestamp", "prediction", "latency_ms")
        }
        features = {name: [row["features"][name] for row in rows] for name in ("age", "clicks", "country")}
        return [json.dumps({"model": "click", **tree, "features": features}).encode()]
    texts = [json.dumps(row).encode() for row in rows]
    several = {"one": texts, "lines": [b"\n".join(texts)], "list": [b"[" + b",".join(texts) + b"]"]}
    return several[packing]


@pytest.mark.parametrize("packing", ["one", "lines", "list", "beside"])
@pytest.mark.parametrize("form", SOURCES)
@pytest.mark.parametrize("odd", [NAN, math.inf, -math.inf], ids=str)
def test_records_are_read_as_if_null_stood_there(form: str, packing: str, odd: float) -> None:
    """Alone, in lines, in a list, and beside a broken one: columns and all else are the same."""
    found = SOURCES[form]
    sources = {} if found is None else {0: SourceSettings.model_validate({"topic": "t", **found})}
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, {"click": "binary"}, sources))
    read = []
    for value in (odd, None):
        given_ = messages(form, value, "one" if packing == "beside" else packing)
        raw = batch([*given_, b'{"oops": NaN'] if packing == "beside" else given_)
        read.append(decode(replace(raw, source=0) if sources else raw))
    mine, plain = map(seen, read)
    assert mine == plain
    dead = Reason.BAD_FORMAT if form == "columns" else Reason.BROKEN_JSON
    assert [letter.reason for letter in read[0].dead] == ([dead] if packing == "beside" else [])
    assert read[0].read - len(read[0].dead) == (10 if form == "split" else COUNT)


def test_a_record_that_is_refused_for_something_else_keeps_its_bytes() -> None:
    """The dead letter is what came."""
    value = b'{"model": "nobody", "features": {"age": NaN}}'
    (letter,) = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))(batch([value])).dead
    assert (letter.reason, letter.value) == (Reason.UNKNOWN_MODEL, value)


def test_a_label_that_is_nan_is_none_yet() -> None:
    """As a left join writes it, and pandas' rows as dicts: skipped, as null is."""
    decode = DecodeFeedback(
        FeedbackConfig((FeedbackModel(click_layout(), LabelCodes("binary")),), 10_000, 5_000, 60_000)
    )
    rows = [
        {"model": "click", "prediction_id": f"p{at}", "timestamp": START, "label": label}
        for at, label in enumerate((1.0, NAN, 0.0))
    ]
    found = decode(batch([json.dumps(row).encode() for row in rows], feedback=True))
    ((_, labels),) = found.labels
    assert (list(labels.ids), labels.labels.tolist(), found.skipped) == (["p0", "p2"], [1.0, 0.0], 1)
    assert found.dead == ()


def test_a_person_who_looks_sees_the_same() -> None:
    """`peek` and `init --from-topic` read it as the monitor does."""
    raw = batch([json.dumps(record(1, NAN)).encode()])
    (found,) = PlainReader(SourceSettings(topic="t")).records(raw.values[0], Surroundings(raw, [0]))
    assert {name: cell.value for name, cell in found.features.items()} == {"age": None, "clicks": 1.5, "country": "de"}


@pytest.mark.parametrize("lines", [True, False], ids=["lines", "array"])
def test_rows_of_a_reference_have_no_value_there(tmp_path: Path, *, lines: bool) -> None:
    """One reading for files and topics."""
    rows = [{"x": NAN if at == 1 else float(at), "c": "NaN"} for at in range(4)]
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    table = pa.Table.from_batches([part for part, _ in open_rows(path, Wishes()).batches(["x", "c"])])
    assert table.to_pydict() == {"x": [0.0, None, 2.0, 3.0], "c": ["NaN"] * 4}
