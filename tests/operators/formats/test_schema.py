import pickle

import msgspec
import pytest
from factories import categorical, click_layout, numeric, reference_of

from operators.formats.schema import Codes, decoder_of, schema_of
from windows.predictions.layout import layout_of


def test_codes_find_a_category_by_text_number_or_boolean() -> None:
    """Categories are text in the reference; a record may hold the value itself."""
    codes = Codes(("true", "false", "7", "2.5", "de"), 5, 6)
    assert [codes[key] for key in ("true", True, "false", False, "7", 7, 7.0, "2.5", 2.5, "de")] == [
        0, 0, 1, 1, 2, 2, 2, 3, 3, 4,
    ]  # fmt: skip


def test_other_categories_have_the_unknown_slot_and_null_the_missing_one() -> None:
    """Looking up never fails and adds nothing: the table stays as large as the reference made it."""
    codes = Codes(("de",), 1, 2)
    size = len(codes)
    assert [codes[key] for key in ("fr", "", "DE", 10**300, "\x00")] == [1] * 5
    assert codes[None] == 2
    assert len(codes) == size


def test_codes_survive_pickling() -> None:
    """The look-up of unknown ones too."""
    codes = pickle.loads(pickle.dumps(Codes(("de", "1"), 2, 3)))
    assert [codes[key] for key in ("de", 1, "x", None)] == [0, 1, 2, 3]


def test_feature_names_may_be_anything_json_allows() -> None:
    """Names with dots, apostrophes, spaces, keywords or of another script are read."""
    names = ["user.age", "class", "a'b", "große", "f0", "", " "]
    layout = layout_of(reference_of({name: numeric([0, 1], [1]) for name in names}, rows=1))
    decoder = decoder_of([schema_of(layout).struct])
    row = decoder.decode(
        msgspec.json.encode({"model": "click", "features": {name: float(at) for at, name in enumerate(names)}})
    )
    assert msgspec.structs.astuple(row.features) == tuple(float(at) for at in range(len(names)))


def test_only_fields_that_are_used_are_decoded() -> None:
    """The id, other features and other context keys are skipped, whatever they hold."""
    decoder = decoder_of([schema_of(click_layout()).struct])
    row = decoder.decode(
        b'{"prediction_id":[{}],"model":"click","features":{"age":3,"more":{"x":[1]}},"context":{"other":7}}'
    )
    assert row.features.f0 == 3.0
    assert not hasattr(row, "prediction_id")


def test_a_segment_key_is_taken_from_the_features_or_else_the_context() -> None:
    """`country` is a feature of the model, `device` is not."""
    segments = schema_of(click_layout()).segments
    assert [(segment.feature, segment.position) for segment in segments] == [(True, 3), (False, 0)]
    assert [segment.codes["elsewhere"] for segment in segments] == [3, 2]
    assert [segment.codes[None] for segment in segments] == [3, 2]


@pytest.mark.parametrize(
    ("prediction", "given", "fits"),
    [
        ("numeric", b"0.5", True),
        ("numeric", b"[0.5]", False),
        ("numeric", b'"cat"', False),
        ("categorical", b'"cat"', True),
        ("categorical", b"true", True),
        ("categorical", b"[0.1,0.9]", True),
        ("categorical", b'["cat"]', False),
        (None, b'["item-1","item-2"]', True),
        (None, b'{"a":1}', True),
        (None, b"null", True),
    ],
)
def test_a_prediction_is_what_the_reference_says(prediction: str | None, given: bytes, fits: bool) -> None:
    """A score, a class or class scores; anything at all where predictions are not profiled."""
    profiles = {"numeric": numeric([0, 1], [1]), "categorical": categorical(("cat",), [1]), None: None}
    layout = layout_of(reference_of({"x": numeric([0, 1], [1])}, profiles[prediction], rows=1))
    decoder = decoder_of([schema_of(layout).struct])
    line = b'{"model":"click","features":{},"prediction":' + given + b"}"
    if fits:
        decoder.decode(line)
    else:
        with pytest.raises(msgspec.ValidationError, match="prediction"):
            decoder.decode(line)
