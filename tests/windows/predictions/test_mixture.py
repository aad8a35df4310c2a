"""The mixture that a window is compared with, against plain arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from factories import categorical, numeric, reference_of

from windows.predictions.compare import gather, gather_of
from windows.predictions.layout import layout_of
from windows.predictions.mixture import Mixtures, certain, unknown

LAYOUT = layout_of(reference_of({"x": numeric([0, 1, 2, 3], [4, 3, 3]), "c": categorical(("a", "b"), [6, 4])}, rows=10))
WHERE = gather_of(LAYOUT.features, LAYOUT.rows)


def vectors(seed: int, classes: int, rows: int) -> list[np.ndarray]:
    """Class counts: both features have all rows, some of them missing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(classes):
        vector = np.zeros(LAYOUT.size, dtype=np.int64)
        for field in LAYOUT.features:
            shares = rng.dirichlet(np.ones(field.stop - field.start))
            if not field.numeric:  # its last slot is reserved
                shares = np.concatenate((shares[:-2], [shares[-2:].sum(), 0.0]))
            vector[field.start : field.stop] = rng.multinomial(rows * (number + 1), shares)
        vector[LAYOUT.rows] = rows * (number + 1)
        found.append(vector)
    return found


def test_shares_are_the_weighted_shares() -> None:
    """Of values and of missing ones, to the last digits that floats have."""
    classes = vectors(1, 3, 1_000)
    held = np.array([[5, 0, 15], [0, 7, 0], [1, 1, 1]])
    found = Mixtures(WHERE, classes, LAYOUT.rows)(held)
    for group, rows in enumerate(held.tolist()):
        weights = [Fraction(n, sum(rows)) for n in rows]
        parts = [gather(WHERE, [vector]) for vector in classes]
        sizes = [int(vector[LAYOUT.rows]) for vector in classes]
        for field in range(2):
            at = group * 2 + field
            each = [Fraction(w) / m for w, m in zip(weights, sizes, strict=True)]
            fine = [
                sum(e * int(part.fine[field, slot]) for e, part in zip(each, parts, strict=True))
                for slot in range(found.fine.shape[1])
            ]
            values = sum(fine)
            noise = sum(e * e * int(part.values[field]) for e, part in zip(each, parts, strict=True))
            worth = values * values / noise
            np.testing.assert_allclose(found.fine[at], [float(share / values * worth) for share in fine], rtol=1e-12)
            assert found.values[at] == pytest.approx(float(worth), rel=1e-12)
            missing = sum(e * int(part.missing[field]) for e, part in zip(each, parts, strict=True))
            assert found.missing[at] / found.rows[at] == pytest.approx(float(missing), rel=1e-12)
            spread = sum(w * w / m for w, m in zip(weights, sizes, strict=True))
            assert found.rows[at] == pytest.approx(float(1 / spread), rel=1e-12)


def test_one_class_is_its_own_counts() -> None:
    """A window within one class is compared with that class as it was counted."""
    classes = vectors(2, 2, 500)
    found = Mixtures(WHERE, classes, LAYOUT.rows)(np.array([[0, 9]]))
    plain = certain(gather(WHERE, [classes[1]]))
    for name in ("fine", "coarse", "values", "missing", "outside", "mismatch", "rows"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-12)


def test_a_mixture_varies_as_its_worth_says() -> None:
    """The distribution function of 4,000 sampled references varies as that of so many independent rows."""
    rng = np.random.default_rng(4)
    shares = (np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.3, 0.6]))
    sizes, weights = (400, 4_000), np.array([0.5, 0.5])
    draws = [rng.multinomial(m, p, 4_000) / m for m, p in zip(sizes, shares, strict=True)]
    below = sum(w * np.cumsum(one, axis=1) for w, one in zip(weights, draws, strict=True))
    worth = 1 / (weights**2 / np.array(sizes)).sum()
    within = sum(w * np.cumsum(p) * (1 - np.cumsum(p)) for w, p in zip(weights, shares, strict=True))
    assert (below.var(axis=0)[:2] < 1.1 * np.maximum(within[:2], 0.25) / worth).all()
    assert worth < sum(sizes)


def test_groups_do_not_know_of_each_other() -> None:
    """The same bits, whatever a group is measured with; no rows is no reference."""
    mixtures = Mixtures(WHERE, vectors(3, 4, 300), LAYOUT.rows)
    held = np.random.default_rng(6).integers(0, 9, (50, 4))
    held[7] = 0
    together = mixtures(held)
    for group, rows in enumerate(held):
        alone = mixtures(rows[None, :])
        for name in ("fine", "coarse", "values", "missing", "outside", "mismatch", "rows"):
            part = getattr(together, name).reshape(50, -1)[group]
            assert part.tobytes() == getattr(alone, name).tobytes()
    assert together.values.reshape(50, 2)[7].tolist() == [0.0, 0.0]


def test_what_is_unknown_is_worth_one_row() -> None:
    """The shares stay, the evidence goes."""
    counts = gather(WHERE, vectors(5, 1, 1_000))
    found = unknown(counts)
    assert found.values.tolist() == found.rows.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(found.fine, counts.fine / counts.values[:, None])
