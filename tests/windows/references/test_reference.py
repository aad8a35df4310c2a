import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from profiles_zoo import references, small_reference

from windows.references.reference import (
    CategoricalProfile,
    NumericProfile,
    Reference,
    ReferenceError_,
    from_json,
    seal,
    slot_count,
    slots,
    to_json,
)


@settings(max_examples=150, deadline=None)
@given(references())
def test_json_round_trip(reference: Reference) -> None:
    """Whatever a reference holds, its JSON gives back: the same bytes, the same id, the same order."""
    data = to_json(reference)
    again = from_json(data)
    assert to_json(again) == data
    assert again.id == reference.id
    assert list(again.features) == list(reference.features)
    for name, profile in reference.features.items():
        np.testing.assert_array_equal(slots(again.features[name]), slots(profile))


@settings(max_examples=50, deadline=None)
@given(references())
def test_counts_sum_to_rows(reference: Reference) -> None:
    """Every column accounts for every row, in as many slots as it says."""
    for profile in reference.features.values():
        assert int(slots(profile).sum()) == reference.rows
        assert len(slots(profile)) == slot_count(profile)


def test_slot_order() -> None:
    """The slots of a column stand in the documented order."""
    reference = small_reference()
    assert slots(reference.features["age"]).tolist() == [0, 4, 4, 0, 1, 1]
    assert slots(reference.features["country"]).tolist() == [5, 3, 1, 1, 0]


def test_id_is_the_content() -> None:
    """The id depends on the content alone: the same content has it again, any change has another."""
    one = small_reference()
    assert one.id == small_reference().id
    assert one.id.startswith("sha256:")
    assert len(one.id) == 7 + 64
    assert small_reference("other").id != one.id


def _edited(change: Any, *, resealed: bool = True) -> bytes:
    document = json.loads(to_json(small_reference()))
    change(document["reference"])
    if not resealed:
        return json.dumps(document).encode()
    try:
        from_json(json.dumps(document).encode())
    except ReferenceError_ as error:
        found = str(error).partition("has id ")[2].partition(",")[0]
        document["id"] = found or document["id"]
    return json.dumps(document).encode()


def _age(key: str, value: Any) -> Any:
    return lambda reference: reference["features"]["age"].update({key: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_age("edges", [0.0, 10.0]), "3 edges"),
        (_age("edges", [0.0, 10.0, 10.0]), "increasing"),
        (_age("edges", [0.0, 10.0, "x"]), "float"),
        (_age("coarse", [0, 2]), "steps of 0 or 1"),
        (_age("coarse", [1, 1]), "steps of 0 or 1"),
        (_age("counts", [4, 5]), "sum to 11"),
        (_age("counts", [4, -4]), ">= 0"),
        (_age("counts", []), "1 to 256"),
        (_age("scale", 0.0), "> 0"),
        (_age("overdispersion", 0.5), ">= 1"),
        (_age("colour", 1), "colour"),
        (lambda reference: reference["features"]["country"].update(categories=["de", "de"]), "twice"),
        (lambda reference: reference["features"]["country"].update(categories=["de"]), "1 categories but 2"),
        (lambda reference: reference["segments"]["country"]["de"]["features"].pop("age"), "'age'"),
        (lambda reference: reference["segments"]["country"]["de"].update(rows=6), "segment has 6 rows"),
        (lambda reference: reference["segments"]["country"]["de"]["features"].update(age=[5]), "6 slots"),
        (lambda reference: reference["segments"]["country"]["de"].update(prediction=None), "go together"),
        (lambda reference: reference.update(latency=[1, 2]), "latency"),
        (lambda reference: reference.pop("rows"), "rows"),
    ],
)
def test_broken_content_is_refused(change: Any, said: str) -> None:
    """A reference that does not hold together is refused in one line that names the fault."""
    with pytest.raises(ReferenceError_, match=said) as caught:
        from_json(_edited(change))
    assert "\n" not in str(caught.value)


def test_an_edit_by_hand_is_refused() -> None:
    """Content that differs from its id was changed after the build, even when it holds together."""
    data = _edited(lambda reference: reference.update(rows=10, error_rows=3), resealed=False)
    with pytest.raises(ReferenceError_, match="changed after the build"):
        from_json(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a reference"),
        (b"[]", "not a reference"),
        (b"{}", "not a reference"),
        (b"\xff\xfe", "not a reference"),
        (b"[" * 100_000, "not a reference"),
        (b'{"format": "driftgauge.reference", "format_version": 2}', "format version 2"),
        (b'{"format": "driftgauge.reference"}', "format version None"),
        (b'{"format": "driftgauge.reference", "format_version": 3}', "broken reference"),
    ],
)
def test_other_files_are_refused(data: bytes, said: str) -> None:
    """What is no reference, or one of another format version, is refused in one line."""
    with pytest.raises(ReferenceError_, match=said) as caught:
        from_json(data)
    assert "\n" not in str(caught.value)


def test_seal_keeps_everything_else() -> None:
    """Sealing sets the id and nothing else."""
    reference = small_reference()
    assert to_json(seal(reference)) == to_json(reference)
    assert isinstance(reference.features["age"], NumericProfile)
    assert isinstance(reference.features["country"], CategoricalProfile)
