"""Features told from each other: exact, safe on anything, and the broken pair on top."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from factories import categorical, numeric
from sklearn.linear_model import Ridge

from windows.joint.encode import UNIT, encoding_of
from windows.joint.fit import RIDGE, fit
from windows.joint.joint_json import JointWire, joint_from_wire, joint_to_wire
from windows.joint.measure import Ratios, ratios
from windows.joint.reconstruct import BINS, MOST, Joint, bins_of, errors, remainders, row_errors, size_of, sums
from windows.sketches.profiles import ReferenceError_

if TYPE_CHECKING:
    from windows.joint.reconstruct import Method
    from windows.sketches.profiles import Profile

NORMAL = numeric([-4, 0, 4], [500, 500])
PROFILES: dict[str, Profile] = {
    "a": NORMAL,
    "kind": categorical(("x", "y", "z"), [500, 300, 200]),
    "b": NORMAL,
    "fixed": numeric([7.0, np.nextafter(7.0, 8.0)], [1000], center=7.0),
    "c": NORMAL,
    "flag": categorical(("true", "false"), [500, 500]),
}


def rows(count: int, rho: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A and b with this correlation, c on its own, a kind that follows c, and a fair coin."""
    rng = np.random.default_rng(seed)
    a, c = rng.standard_normal((2, count))
    b = rho * a + np.sqrt(1 - rho**2) * rng.standard_normal(count)
    kind = np.digitize(c + 0.3 * rng.standard_normal(count), [0.0, 0.55])
    return np.stack([a, b, np.full(count, 7.0), c]), np.stack([kind, rng.integers(0, 2, count)])


def learnt(method: Method = "conditional", quantile: float = 0.999) -> Joint:
    """From 20,000 rows."""
    found = fit(PROFILES, *rows(20_000, 0.9, 0), method, quantile)
    assert found is not None
    return found


def vector(joint: Joint, given: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The sums of all rows."""
    return sums(errors(joint, *given), np.zeros(given[0].shape[1], dtype=np.int64), 1)


@pytest.mark.parametrize("method", ["conditional", "pca"])
def test_the_broken_pair_is_on_top(method: Method) -> None:
    """A correlation turns from 0.9 to -0.9 and every margin stays: two features, in 2,000 rows, at a level of 1e-8."""
    joint = learnt(method)
    factor = np.ones((1, joint.width + 1))
    names = (*joint.features, "")
    for seed in range(1, 11):
        broken = ratios(joint, vector(joint, rows(2_000, -0.9, seed)), factor, 1e-8)
        order = [names[at] for at in np.argsort(-broken.value[0]) if names[at]]
        assert set(order[:2]) == {"a", "b"}
        assert broken.lower[0, [names.index("a"), names.index("b")]].min() > 1.5
        assert broken.bounds[0][0] > 0.01
        usual = ratios(joint, vector(joint, rows(2_000, 0.9, seed)), factor, 1e-8)
        assert usual.lower.max() < 1.1
        assert usual.upper.min() > 0.9
        assert usual.anomalous[0] < 0.01
    assert set(joint.features) == {"a", "b", "c", "kind", "flag"}
    assert joint.partners("a")[0] == "b"


def test_residuals_are_those_of_a_regression_on_the_others() -> None:
    """Ridge of scikit-learn, of one feature on the others, up to the fixed point."""
    joint = learnt()
    given = rows(20_000, 0.9, 0)
    held = np.arange(20_000) % 5 == 0
    steps = joint.encoding(*given) / UNIT
    at = joint.features.index("a")
    own, others = steps[at], np.delete(steps, at, axis=0)
    spread = np.delete(steps[:, ~held].std(axis=1), at)
    fitted = Ridge(alpha=RIDGE * int((~held).sum())).fit((others[:, ~held] / spread[:, None]).T, own[~held])
    expected = own - fitted.predict((others / spread[:, None]).T)
    found = (joint.weights.T @ joint.encoding(*given))[at] / (UNIT * 4096)
    assert np.corrcoef(expected, found)[0, 1] > 0.999
    assert found.std() * steps[at, ~held].std() == pytest.approx(expected.std(), rel=0.02)


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_batches_change_no_bit(size: int) -> None:
    """Rows one by one, by sevens and in thousands, of several groups: the same sums."""
    joint = learnt()
    numbers, categories = rows(5_000, 0.5, 3)
    numbers[0, ::11] = np.nan
    numbers[1, ::13] = 1e300
    group = np.random.default_rng(4).integers(0, 3, 5_000)
    whole = sums(errors(joint, numbers, categories), group, 3)
    cut = np.zeros_like(whole)
    for start in range(0, 5_000, size):
        part = slice(start, start + size)
        cut += sums(errors(joint, numbers[:, part], categories[:, part]), group[part], 3)
    np.testing.assert_array_equal(whole, cut)
    assert whole[:, -1].tolist() == np.bincount(group).tolist()


def test_anything_has_an_error_and_none_is_absurd() -> None:
    """Missing, infinite and huge values, categories that are other or missing: within bounds, never NaN."""
    joint = learnt()
    odd = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324])
    numbers, categories = np.tile(odd, (4, 1)), np.array([[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 4]])
    each = errors(joint, numbers, categories)
    assert each.min() >= 0
    assert each.max() <= MOST
    assert (each == np.floor(each)).all()
    found = ratios(joint, vector(joint, (numbers, categories)), np.ones((1, joint.width + 1)), 1e-6)
    assert np.isfinite(found.value).all()
    assert (found.lower <= found.value).all()
    none = ratios(joint, np.zeros((1, size_of(joint.width)), dtype=np.int64), np.ones((1, joint.width + 1)), 1e-6)
    assert np.isnan(none.value).all()
    assert np.isnan(none.anomalous).all()


def test_copies_have_no_inverse_and_are_told_all_the_same() -> None:
    """A column twice, and one that is the sum of two others: finite weights; the copy that breaks is found."""
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 5_000))
    profiles: dict[str, Profile] = dict.fromkeys(("x", "copy", "y"), NORMAL) | {"sum": replace(NORMAL, scale=1.4)}
    none = np.zeros((0, 5_000), dtype=np.int64)
    joint = fit(profiles, np.stack([x, x, y, x + y]), none, "conditional", 0.999)
    assert joint is not None
    other = rng.permutation(x)
    found = ratios(joint, vector(joint, (np.stack([x, other, y, x + y]), none)), np.ones((1, 5)), 1e-8)
    assert max(zip(found.value[0], (*joint.features, ""), strict=True))[1] == "copy"


def test_too_little_is_not_learnt() -> None:
    """Few rows, or one feature that varies."""
    assert fit(PROFILES, *rows(400, 0.9, 0), "conditional", 0.999) is None
    lone: dict[str, Profile] = {"a": NORMAL, "fixed": PROFILES["fixed"]}
    numbers, _ = rows(2_000, 0.9, 0)
    assert fit(lone, numbers[[0, 2]], np.zeros((0, 2_000), dtype=np.int64), "conditional", 0.999) is None


def test_the_quantile_is_that_of_rows_held_out() -> None:
    """At most so many of them are anomalous, and not far fewer."""
    joint = learnt(quantile=0.95)
    share = joint.held[-1 - BINS + joint.threshold : -1].sum() / joint.held[-1]
    assert 0.03 < share <= 0.05


def test_bins_rise_and_categories_of_equal_shares_are_told_apart() -> None:
    """128 bins over all errors; a fair coin has two steps of opposite signs."""
    found = bins_of(np.arange(MOST + 1))
    assert (np.diff(found) >= 0).all()
    assert (found[0], found[-1]) == (0, BINS - 1)
    encoding, _ = encoding_of([PROFILES["flag"]])
    assert encoding.tables[0].tolist()[:2] == [-UNIT, UNIT]
    assert row_errors(np.array([[3.0, 0.0], [4.0, 1.0]])).tolist() == [3, 0]


def factors(count: int, rho: float, seed: int) -> np.ndarray:
    """24 columns: a pair with this correlation, and all others told by one hidden number."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((24, 1))
    x = mixing @ rng.standard_normal((1, count)) + 0.3 * rng.standard_normal((24, count))
    x /= np.sqrt((mixing**2).sum(axis=1) + 0.09)[:, None]
    x[0] = rng.standard_normal(count)
    x[1] = rho * x[0] + np.sqrt(1 - rho**2) * rng.standard_normal(count)
    return x


@pytest.fixture(scope="module")
def encoder() -> Joint:
    """An autoencoder of 20,000 rows of 24 columns."""
    profiles: dict[str, Profile] = {f"f{at}": NORMAL for at in range(24)}
    none = np.zeros((0, 20_000), dtype=np.int64)
    found = fit(profiles, factors(20_000, 0.95, 0), none, "autoencoder", 0.999)
    assert found is not None
    return found


def test_an_autoencoder_gives_back_and_tells_what_broke(encoder: Joint) -> None:
    """Its errors are far below those of nothing, and a pair that turns is on top while fresh rows are as they were."""
    assert [len(layer.bias) for layer in encoder.layers] == [12, 3, 12, 24]
    assert np.median(encoder.baselines) < 0.4
    none, ones = np.zeros((0, 2_000), dtype=np.int64), np.ones((1, 25))
    usual = ratios(encoder, vector(encoder, (factors(2_000, 0.95, 1), none)), ones, 1e-8)
    assert usual.lower.max() < 1.1
    broken = ratios(encoder, vector(encoder, (factors(2_000, -0.95, 1), none)), ones, 1e-8)
    assert {encoder.features[at] for at in np.argsort(-broken.value[0, :-1])[:2]} <= {"f0", "f1"}
    assert broken.value[0, :2].max() > 1.5
    assert encoder.partners("f0")[0] == "f1"


def test_layers_in_whole_numbers_are_the_network(encoder: Joint) -> None:
    """Computed in floats with the same weights: the same up to what is rounded between layers."""
    x = factors(500, 0.95, 2)
    inner = encoder.encoding(x, np.zeros((0, 500), dtype=np.int64)) / UNIT
    given = inner
    for at, layer in enumerate(encoder.layers):
        given = (layer.weights / 4096) @ given + (layer.bias / 4096 / UNIT)[:, None]
        given = given if at == len(encoder.layers) - 1 else np.maximum(given, 0.0)
    found = remainders(encoder, inner * UNIT) / (4096 * UNIT)
    np.testing.assert_allclose(found, inner - given, atol=0.02)


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_batches_change_no_bit_of_a_network(encoder: Joint, size: int) -> None:
    """Missing and absurd values among the rows."""
    x = factors(2_000, 0.5, 3)
    x[2, ::11], x[3, ::13], x[4, ::17] = np.nan, 1e300, -np.inf
    none = np.zeros((0, 2_000), dtype=np.int64)
    whole = errors(encoder, x, none)
    cut = [errors(encoder, x[:, at : at + size], none[:, at : at + size]) for at in range(0, 2_000, size)]
    np.testing.assert_array_equal(whole, np.hstack(cut))
    assert whole.max() <= MOST


def test_layers_are_in_the_file_and_are_checked(encoder: Joint) -> None:
    """A network whose layers do not go together, or none, is refused."""
    profiles: dict[str, Profile] = {f"f{at}": NORMAL for at in range(24)}
    text = msgspec.json.encode(joint_to_wire(encoder))
    back = joint_from_wire(msgspec.json.decode(text, type=JointWire), profiles)
    x, none = factors(300, 0.1, 9), np.zeros((0, 300), dtype=np.int64)
    assert errors(back, x, none).tobytes() == errors(encoder, x, none).tobytes()
    for change, said in (
        (lambda wire: wire.layers.pop(1), "a layer needs 12 weights in a row"),
        (lambda wire: wire.layers.pop(), "gives 12 numbers; 24 are needed"),
        (lambda wire: wire.layers.clear(), "0 layers with method autoencoder"),
        (lambda wire: wire.layers[0].bias.pop(), "a bias for each row"),
    ):
        wire = msgspec.json.decode(text, type=JointWire)
        change(wire)
        with pytest.raises(ReferenceError_, match=said):
            joint_from_wire(wire, profiles)


def lived(count: int, rho: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `rows`, but by night a and c are two deviations higher and the coin falls on one side; and night or not."""
    (numbers, categories), night = rows(count, rho, seed), np.random.default_rng(seed + 500).integers(0, 2, count)
    numbers[0] += 2 * night
    numbers[3] += 2 * night
    categories[1] = np.where(night & (np.arange(count) % 4 > 0), 0, categories[1])
    return numbers, categories, night


def seasonal(method: Method = "conditional") -> Joint:
    """From 20,000 rows of days and nights."""
    numbers, categories, night = lived(20_000, 0.9, 0)
    found = fit(PROFILES, numbers, categories, method, 0.999, (night, 2))
    assert found is not None
    return found


def measured(joint: Joint, given: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Ratios:
    """The ratios of rows in classes of hours."""
    numbers, categories, night = given
    total = sums(errors(joint, numbers, categories, night), np.zeros_like(night), 1)
    hours = np.bincount(night, minlength=2)[None, :]
    return ratios(joint, total, np.ones((1, joint.width + 1)), 1e-8, hours)


@pytest.mark.parametrize("method", ["conditional", "pca"])
def test_a_night_is_no_anomaly_and_a_broken_pair_is_one_by_night(method: Method) -> None:
    """Rows of the night alone, of the day, and of both are as they were; a pair that turns in the night is on top."""
    joint = seasonal(method)
    for seed in range(1, 6):
        numbers, categories, night = lived(4_000, 0.9, seed)
        for kept in (night == 1, night == 0, night >= 0):
            usual = measured(joint, (numbers[:, kept], categories[:, kept], night[kept]))
            assert usual.lower.max() < 1.1
            assert usual.upper.min() > 0.9
            assert usual.anomalous[0] < 0.01
        numbers, categories, night = lived(4_000, -0.9, seed)
        found = measured(joint, (numbers[:, night == 1], categories[:, night == 1], night[night == 1]))
        assert {joint.features[at] for at in np.argsort(-found.value[0, :-1])[:2]} == {"a", "b"}
        assert found.lower[0, [joint.features.index("a"), joint.features.index("b")]].min() > 1.5


def test_what_was_learnt_over_all_hours_tells_a_night() -> None:
    """Which is why classes of hours are kept apart."""
    numbers, categories, night = lived(20_000, 0.9, 0)
    flat = fit(PROFILES, numbers, categories, "conditional", 0.999)
    assert flat is not None
    numbers, categories, night = lived(20_000, 0.9, 1)
    by_night = vector(flat, (numbers[:, night == 1], categories[:, night == 1]))
    assert ratios(flat, by_night, np.ones((1, flat.width + 1)), 1e-8).value.max() > 1.2


def test_a_mixture_of_hours_is_the_weighted_mean_of_what_each_held() -> None:
    """Three rows of the night and one of the day: their held-out means with these weights."""
    joint = seasonal()
    hours = np.array([[1, 3], [0, 0]])
    some = sums(errors(joint, *lived(4, 0.9, 2)), np.zeros(4, dtype=np.int64), 1)
    found = ratios(joint, np.vstack([some, np.zeros_like(some)]), np.ones((2, joint.width + 1)), 1e-2, hours)
    held = [one.held[: joint.width] / one.held[-1] for one in joint.classes]
    expected = (some[0, : joint.width] / 4) / (0.25 * held[0] + 0.75 * held[1])
    np.testing.assert_allclose(found.value[0, :-1], expected, rtol=1e-12)
    assert np.isnan(found.value[1]).all()
    one_by_one = ratios(joint, some, np.ones((1, joint.width + 1)), 1e-2, hours[:1])
    np.testing.assert_array_equal(one_by_one.lower[0], found.lower[0])


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_batches_of_many_hours_change_no_bit(size: int) -> None:
    """What is usual of an hour is taken off in whole numbers."""
    joint = seasonal()
    numbers, categories, night = lived(3_000, 0.5, 3)
    whole = sums(errors(joint, numbers, categories, night), night, 2)
    cut = np.zeros_like(whole)
    for start in range(0, 3_000, size):
        part = slice(start, start + size)
        cut += sums(errors(joint, numbers[:, part], categories[:, part], night[part]), night[part], 2)
    np.testing.assert_array_equal(whole, cut)


def test_a_class_with_few_rows_counts_as_all_hours_do() -> None:
    """Of 20 rows nothing is learnt; of none neither."""
    numbers, categories, night = lived(20_000, 0.9, 0)
    night[night == 1] = 3
    night[:20] = 1
    joint = fit(PROFILES, numbers, categories, "conditional", 0.999, (night, 4))
    assert joint is not None
    assert [one.held.tolist() == joint.held.tolist() for one in joint.classes] == [False, True, True, False]


def test_classes_of_hours_are_in_the_file() -> None:
    """And go with the number of classes that the reference has; a model without any has no word of them."""
    joint = seasonal()
    assert b"classes" not in msgspec.json.encode(joint_to_wire(learnt()))
    wire = msgspec.json.decode(msgspec.json.encode(joint_to_wire(joint)), type=JointWire)
    back = joint_from_wire(wire, PROFILES, 2)
    given = lived(300, 0.1, 9)
    assert errors(back, *given).tobytes() == errors(joint, *given).tobytes()
    with pytest.raises(ReferenceError_, match="2 classes of hours; the reference has 3"):
        joint_from_wire(wire, PROFILES, 3)
    wire.classes[1].residuals.pop()
    with pytest.raises(ReferenceError_, match="needs 5 residuals"):
        joint_from_wire(wire, PROFILES, 2)


def test_a_file_gives_it_back() -> None:
    """And what does not hold together is refused."""
    joint = learnt()
    wire = msgspec.json.decode(msgspec.json.encode(joint_to_wire(joint)), type=JointWire)
    back = joint_from_wire(wire, PROFILES)
    assert vector(back, rows(300, 0.1, 9)).tobytes() == vector(joint, rows(300, 0.1, 9)).tobytes()
    assert back.held.tolist() == joint.held.tolist()
    with pytest.raises(ReferenceError_, match="columns are not those"):
        joint_from_wire(wire, {name: PROFILES[name] for name in ("a", "b", "c")})
    wire.baselines.pop()
    with pytest.raises(ReferenceError_, match="5 baselines"):
        joint_from_wire(wire, PROFILES)
