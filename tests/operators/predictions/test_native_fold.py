"""Both folds give the same vectors, slot by slot; runs where driftgauge-native is installed."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from factories import START, batch, click, click_layout, numeric, record, reference_of
from hypothesis import example, given
from hypothesis import strategies as st
from native_rows import message, usual

from operators.intake.decode import Decode, DecodeConfig
from operators.intake.model_columns import ModelColumns
from operators.intake.native import chosen
from operators.predictions.fold import Fold, Partial
from windows.predictions.columns import Columns
from windows.predictions.fold import Binning, Sketches, binning_of, fold, with_folder
from windows.predictions.layout import Layout, layout_of
from windows.sketches.profiles import NumericProfile
from windows.sketches.quantiles import LATENCY_ENDS

NATIVE = chosen()
needed = pytest.mark.skipif(NATIVE is None, reason="driftgauge-native is not installed, or refused")


def columns_of(layout: Layout, rows: int, rng: np.random.Generator) -> Columns:
    """Rows of all kinds: values on an edge or the float beside it, far away, missing, not finite."""
    failed = rng.random(rows) < 0.1
    return Columns(
        panes=rng.integers(0, 3, rows),
        versions=("a", "b"),
        version=rng.integers(0, 2, rows),
        numeric=np.array([_values(field.profile, rows, rng) for field in layout.numeric]).reshape(-1, rows),
        categorical=np.array(
            [rng.integers(0, field.stop - field.start, rows) for field in layout.categorical], dtype=np.int64
        ).reshape(-1, rows),
        segments=np.array([rng.integers(0, len(values), rows) for _, values in layout.segments]).reshape(-1, rows),
        latency=rng.lognormal(3, 2, rows),
        failed=failed if failed.any() else None,
    )


def _values(profile: object, rows: int, rng: np.random.Generator) -> list[float]:
    assert isinstance(profile, NumericProfile)
    found = rng.normal(profile.center, profile.scale, rows)
    on_edge = rng.choice(profile.edges, rows)
    beside = np.nextafter(on_edge, rng.choice([-np.inf, np.inf], rows))
    far = profile.center + 10.0 ** rng.uniform(0, 14, rows) * rng.choice([-1, 1], rows)
    odd = rng.choice([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0], rows)
    picked = rng.choice(5, rows, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    return np.choose(picked, [found, on_edge, beside, far, odd]).tolist()


def same(found: Sketches, expected: Sketches) -> bool:
    """Whether two folds hold the same groups and counts."""
    return found.keys() == expected.keys() and all(np.array_equal(found[key], expected[key]) for key in expected)


def both(binning: Binning) -> Binning:
    """The binning with a native fold."""
    found = with_folder(binning, NATIVE)
    assert found.folder is not None
    return found


LAYOUTS = {
    "click": click_layout(),
    "numbers": layout_of(
        reference_of(
            {
                "even": numeric(np.linspace(-3, 3, 65), [1] * 64, scale=0.01),
                "tail": numeric([*np.linspace(0, 1e-9, 40), 1.0, 1e12], [1] * 41, center=0.5, scale=1e-3),
                "wide": numeric([-8e307, 0.0, 8e307], [1, 1], scale=1e300),
                "tiny": numeric([0.0, 5e-324, 1e-323], [1, 1], scale=1e-320),
            },
            rows=1,
        )
    ),
}


@needed
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("rows", [1, 7, 3_000])
@pytest.mark.parametrize("seed", range(8))
def test_both_folds_agree_in_every_slot(layout: Layout, rows: int, seed: int) -> None:
    """Counts, moment sums, segments, versions, failures: the same integers."""
    binning = binning_of(layout, 10_000)
    columns = columns_of(layout, rows, np.random.default_rng(seed))
    assert same(fold(both(binning), columns), fold(binning, columns))
    one = replace(columns, panes=np.zeros(rows, dtype=np.int64), version=np.zeros(rows, dtype=np.int64), failed=None)
    assert same(fold(both(binning), one), fold(binning, one))


@needed
def test_a_fold_that_breaks_down_is_done_again_in_python() -> None:
    """A category that no slot stands for is out of the native fold's reach; Python's own says what it says."""
    binning = binning_of(LAYOUTS["click"], 10_000)
    columns = columns_of(LAYOUTS["click"], 50, np.random.default_rng(1))
    folder = both(binning).folder
    assert folder is not None
    wrong = np.full_like(columns.categorical, -(10**9))
    group_of = np.zeros(50, dtype=np.int64)
    assert folder.fold(columns.numeric, wrong, group_of, 1) is None
    assert folder.fold(columns.numeric[:, :-1].copy(), columns.categorical, group_of, 1) is None
    assert folder.fold(columns.numeric, columns.categorical, group_of, 1) is not None


@needed
def test_from_bytes_to_vectors_nothing_tells_the_paths_apart() -> None:
    """Reading and folding natively, or neither, or one of them."""
    layout, rng = LAYOUTS["click"], random.Random(3)
    raw = batch([record(START + rng.randrange(20_000), prediction=rng.random()) for _ in range(300)], written=START)
    decoders = [Decode(DecodeConfig((layout,), 10_000, 30_000, 60_000, native=native)) for native in (NATIVE, None)]
    folds = [Fold((layout,), 10_000, {"click": 16}, native) for native in (NATIVE, None)]
    found = [dict(fold(decode(raw)))["click"].sketches for decode in decoders for fold in folds]
    assert all(same(one, found[-1]) for one in found)


MODELS = ("click", "rank", "third", "fourth")


def many_layouts() -> tuple[Layout, ...]:
    """Models with segments and without; features are those of `native_rows`."""
    segments = (("country", "device"), ("country",), (), ("device",))
    return tuple(layout_of(click(name), keys) for name, keys in zip(MODELS, segments, strict=True))


def told(partials: list[tuple[str, Partial]]) -> dict[str, object]:
    """All that partials say, the order of their groups included: it decides which versions are told apart."""
    return {
        model: (
            partial.progress,
            [(key, vector.dtype.str, vector.tobytes()) for key, vector in partial.sketches.items()],
            partial.late,
            None if partial.unnamed is None else partial.unnamed.versions,
        )
        for model, partial in partials
    }


@needed
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), most=st.integers(1, 3), odd=st.booleans())
@example(seed=1, count=60, most=3, odd=False)
def test_rows_of_many_models_are_folded_as_their_columns_would_be(seed: int, count: int, most: int, odd: bool) -> None:
    """Late and failed ones, versions that are too many, segments; what was handed back comes in beside it."""
    layouts, rng = many_layouts(), random.Random(seed)
    rows = [usual(rng, rng.choice(MODELS)).encode() for _ in range(count)]
    raw = batch([message(rng) if odd and rng.random() < 0.3 else row for row in rows], written=START + 1_000)
    config = DecodeConfig(layouts, 10_000, 5_000, 60_000, native=NATIVE)
    natively, plainly = (Decode(replace(config, native=native))(raw) for native in (NATIVE, None))
    caps = dict.fromkeys(MODELS, most)
    assert told(Fold(layouts, 10_000, caps, NATIVE)(natively)) == told(Fold(layouts, 10_000, caps, None)(plainly))
    assert natively.late == plainly.late


@needed
def test_a_thin_model_is_folded_without_columns() -> None:
    """None are made of rows that can be folded as they are; whoever asks for some is given them."""
    layouts = many_layouts()
    rng = random.Random(1)
    raw = batch([usual(rng, name).encode() for name in MODELS], written=START + 1_000)
    decoded = Decode(DecodeConfig(layouts, 10_000, 60_000, 60_000, native=NATIVE))(raw)
    assert isinstance(decoded.columns, ModelColumns)
    assert all(decoded.columns.loose(name) is not None for name in MODELS)
    assert {name: len(columns.panes) for name, columns in decoded.columns.items()} == dict.fromkeys(MODELS, 1)


@needed
def test_rows_that_do_not_fit_the_layout_are_left_to_python() -> None:
    """Of another model, of other panes than there are rows, of more versions than are told apart."""
    click_alone, rank_alone, *_ = many_layouts()
    raw = batch([record(START), record(START, version="2")], written=START)
    decoded = Decode(DecodeConfig((click_alone,), 10_000, 60_000, 60_000, native=NATIVE))(raw)
    assert isinstance(decoded.columns, ModelColumns)
    loose = decoded.columns.loose("click")
    assert loose is not None
    own, other = (with_folder(binning_of(layout, 10_000), NATIVE).folder for layout in (click_alone, rank_alone))
    assert own is not None
    assert other is not None
    found = own.fold_rows(loose.rows, loose.panes, None, 2)
    assert found is not None
    assert [version for _, version, segment in found if not segment] == ["1", "2"]
    assert own.fold_rows(loose.rows, loose.panes, None, 1) is None
    assert own.fold_rows(loose.rows, loose.panes[:1].copy(), None, 2) is None
    assert own.fold_rows(loose.rows, loose.panes, np.zeros(3, dtype=bool), 2) is None
    assert other.fold_rows(loose.rows, loose.panes, None, 2) is None


@needed
@pytest.mark.parametrize("seed", range(4))
def test_latencies_of_all_sizes_are_in_the_slots_that_their_ends_close(seed: int) -> None:
    """On an end or the float beside it, negative, none, infinite: as in Python."""
    layouts, rng = (click_layout(),), random.Random(seed)
    ends = [rng.choice(LATENCY_ENDS.tolist()) for _ in range(200)]
    beside = [math.nextafter(end, rng.choice((-math.inf, math.inf))) for end in ends]
    values = [*ends, *beside, None, -1, 0, 1e308, 5e-324, 600_000, 1_200_001]
    raw = batch([record(START, latency_ms=value) for value in values], written=START)
    decoders = [Decode(DecodeConfig(layouts, 10_000, 5_000, 60_000, native=native)) for native in (NATIVE, None)]
    folds = [Fold(layouts, 10_000, {"click": 16}, native) for native in (NATIVE, None)]
    natively, plainly = (told(fold(decode(raw))) for decode, fold in zip(decoders, folds, strict=True))
    assert natively == plainly
