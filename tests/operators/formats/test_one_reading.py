"""Records are read as the rows of the reference were: any spelling of a value is that value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from factories import batch, categorical, numeric, reference_of

from operators.formats.schema import Codes, decoder_of, schema_of
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.transpose import Transposed, transpose
from windows.predictions.layout import layout_of
from windows.references.reference import Reference, seal
from windows.values import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.predictions.columns import Columns


def _reference(**readings: Reading) -> Reference:
    profiles = {"x": numeric([0.0, 10.0], [4]), "c": categorical(("5", "true", "0.1", "NA"), [1, 1, 1, 1])}
    reference = reference_of(profiles, rows=4)
    return seal(Reference(**{**_fields(reference), "readings": readings}))


def _fields(reference: Reference) -> dict[str, Any]:
    return {name: getattr(reference, name) for name in reference.__dataclass_fields__}


def _read(reference: Reference, records: Sequence[dict[str, Any]]) -> Columns:
    schema = schema_of(layout_of(reference))
    decoder = decoder_of([schema.struct])
    read = [decoder.decode(json.dumps({"model": reference.model, **record})) for record in records]
    return transpose(Transposed(schema, read, np.zeros(len(read), dtype=np.int64)))


def test_numbers_come_as_numbers_text_and_booleans() -> None:
    """Also those that only text can hold; null is missing."""
    given = [5, 5.0, "5", "5.0", "5e0", True, False, None, "NaN"]
    found = _read(_reference(), [{"features": {"x": value}} for value in given]).numeric[0]
    np.testing.assert_array_equal(found, [5, 5, 5, 5, 5, 1, 0, np.nan, np.nan])


def test_categories_are_found_by_every_spelling() -> None:
    """Whole numbers with and without a fraction, booleans of any language, floats of either width."""
    spelled = {0: [5, 5.0, "5", "5.0"], 1: [True, "true", "True", "TRUE"], 2: [0.1, "0.1", float(np.float32(0.1))]}
    for slot, values in spelled.items():
        found = _read(_reference(), [{"features": {"c": value}} for value in values]).categorical[0]
        assert set(found.tolist()) == {slot}
    strange = _read(_reference(), [{"features": {"c": value}} for value in ("05", "5.00", "other", 7)]).categorical[0]
    assert set(strange.tolist()) == {4}


def test_both_families_of_truth_are_told_apart_where_both_are_named() -> None:
    """1 stands for true only where the reference does not have 1."""
    assert [Codes(("true", "false"), 2, 3)[value] for value in (1, "1", 0, True)] == [0, 0, 1, 0]
    assert [Codes(("1", "0"), 2, 3)[value] for value in (True, "true", "False", 1.0)] == [0, 0, 1, 0]
    assert [Codes(("1", "true"), 2, 3)[value] for value in ("1", "true", "1.0", "True")] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "words", [("yes", "no"), ("Y", "N"), ("t", "f"), ("On", "Off"), ("true", "false")], ids=lambda words: words[0]
)
def test_a_boolean_in_words_is_one_in_any_other(words: tuple[str, str]) -> None:
    """A file says yes and no, a database t and f, a service true and false: all say the same."""
    codes = Codes(words, 2, 3)
    assert {codes[value] for value in (True, "true", "TRUE", 1, "1", 1.0, "yes", "Y", "t", "T", "on", words[0])} == {0}
    assert {codes[value] for value in (False, "False", 0, "0", "no", "NO", "n", "f", "off", words[1])} == {1}
    assert [codes[value] for value in ("maybe", "", 2, None)] == [2, 2, 2, 3]


@pytest.mark.parametrize("words", [("yes",), ("yes", "no", "maybe"), ("Y", "no"), ("T", "F", "G"), ("0", "1")])
def test_words_among_others_are_categories(words: tuple[str, ...]) -> None:
    """A letter beside other letters is no truth."""
    codes = Codes(words, len(words), -1)
    assert [codes[word] for word in words] == list(range(len(words)))
    assert {codes[value] for value in ("on", "Yes", "t")} == {len(words)}


def test_spaces_around_a_number_are_none_of_it() -> None:
    """As in files of rows; within one they are."""
    reference = _reference()
    parser = Decode(DecodeConfig((layout_of(reference),), 10_000, 5_000, 60_000)).parser
    texts = (" 1.5", "2 ", "\t3\n", "1 5")
    parsed = parser(batch([json.dumps({"model": reference.model, "features": {"x": text}}).encode() for text in texts]))
    assert [msgspec.structs.astuple(record.features)[0] for record in parsed.records] == [1.5, 2.0, 3.0, np.inf]
    assert dict(parsed.unfit) == {"features.x": 1}


def test_texts_for_no_value_are_those_of_the_reference() -> None:
    """Among numbers and categories; any other text among numbers is refused as before."""
    reference = _reference(x=Reading(("?", "")), c=Reading(("NA",)))
    columns = _read(reference, [{"features": {"x": "?", "c": "NA"}}, {"features": {"x": "", "c": "5"}}])
    assert np.isnan(columns.numeric[0]).all()
    assert columns.categorical[0].tolist() == [5, 0]
    assert _read(_reference(), [{"features": {"c": "NA"}}]).categorical[0].tolist() == [3]
    for refused in (_reference(), reference):
        with pytest.raises(msgspec.ValidationError):
            _read(refused, [{"features": {"x": "much"}}])


def test_a_resolution_rounds_records() -> None:
    """As it rounds the rows of the reference."""
    found = _read(_reference(x=Reading(resolution=0.01)), [{"features": {"x": value}} for value in (1.1949, "1.2049")])
    np.testing.assert_array_equal(found.numeric[0], np.rint(np.array([1.1949, 1.2049]) / 0.01) * 0.01)


def test_versions_are_text_and_numbers() -> None:
    """7, 7.0 and "7" are one version; "7.0" is what somebody called another."""
    columns = _read(_reference(), [{"features": {}, "version": version} for version in (7, 7.0, "7", "7.0", None)])
    assert [columns.versions[index] for index in columns.version] == ["7", "7", "7", "7.0", "0"]
