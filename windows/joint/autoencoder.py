"""An autoencoder as a way to tell features from each other: trained in floats, run in whole numbers.

d columns go through d/2, d/8 and d/2 numbers (at least 2, 1 and 2) back to d. Training is plain numpy: rectified linear
units, squared errors, Adam (Kingma and Ba, 2015), a fixed seed. Weights are then rounded to 1/4096 and numbers between
layers to 1/1024, so every product and partial sum is a whole number below 2^53 in float64: rows give the same bits
however they are batched.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from windows.joint.encode import FARTHEST, UNIT

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

WEIGHT_UNIT = 4096.0
"""A weight of 1 is so many steps."""
LARGEST_WEIGHT = 2**20
"""Steps of a weight at most: with 64,512 steps of a value and 2^16 columns a sum is below 2^53."""
LARGEST_BIAS = 2**40
"""Steps of a bias at most."""
ROWS = 200_000
"""Rows that are learnt from at most."""
STEPS = 6_000
"""Batches that are learnt from."""
BATCH = 256
RATE = 2e-3
"""Of Adam, falling to none."""
MOMENTS = (0.9, 0.999)
FAR = 8.0
"""Deviations beyond it are it while learning: one absurd value would be all that is learnt."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer.

    Attributes:
        weights: int64[out, in], in 1/4096.
        bias: int64[out], in 1/4096 of 1/1024.
    """

    weights: IntArray
    bias: IntArray


def left(layers: tuple[Layer, ...], steps: FloatArray) -> FloatArray:
    """What the last layer does not give back: float64[d, n], whole numbers in 1/4096 of a step.

    Args:
        layers: at least two; all but the last are rectified.
        steps: float64[d, n], whole numbers, see `windows.joint.encode.Encoding`.
    """
    inner = steps
    for layer in layers[:-1]:
        inner = layer.weights.astype(np.float64) @ inner
        inner += layer.bias[:, None]
        inner *= 1.0 / WEIGHT_UNIT  # a power of two
        np.rint(inner, out=inner)
        np.clip(inner, 0.0, FARTHEST * UNIT, out=inner)
    given = layers[-1].weights.astype(np.float64) @ inner
    given += layers[-1].bias[:, None]
    return steps * WEIGHT_UNIT - given


def trained(values: FloatArray) -> tuple[Layer, ...]:
    """Layers that give rows back as well as these sizes allow.

    Args:
        values: float64[n, d], about centred and of deviation 1.
    """
    rng = np.random.Generator(np.random.PCG64(20_240_229))
    rows = np.clip(values[:ROWS], -FAR, FAR)
    weights, biases = _started(rng, rows.shape[1])
    parameters = [*weights, *biases]
    first, second = ([np.zeros_like(one) for one in parameters] for _ in range(2))
    for step in range(1, STEPS + 1):
        slopes = _slopes(weights, biases, rows[rng.integers(0, len(rows), BATCH)])
        rate = RATE * (1.0 - (step - 1) / STEPS) * np.sqrt(1.0 - MOMENTS[1] ** step) / (1.0 - MOMENTS[0] ** step)
        for at, slope in enumerate(slopes):
            first[at] += (1.0 - MOMENTS[0]) * (slope - first[at])
            second[at] += (1.0 - MOMENTS[1]) * (slope * slope - second[at])
            parameters[at] -= rate * first[at] / (np.sqrt(second[at]) + 1e-8)
    return tuple(
        Layer(
            _whole(one * WEIGHT_UNIT, LARGEST_WEIGHT),
            _whole(bias * (WEIGHT_UNIT * UNIT), LARGEST_BIAS),
        )
        for one, bias in zip(weights, biases, strict=True)
    )


def _whole(values: FloatArray, most: int) -> IntArray:
    return np.clip(np.rint(values), -most, most).astype(np.int64)


def _started(rng: np.random.Generator, width: int) -> tuple[list[FloatArray], list[FloatArray]]:
    """Weights as He and others (2015) start them, and no biases."""
    sizes = [width, max(width // 2, 2), max(width // 8, 1), max(width // 2, 2), width]
    weights = [rng.standard_normal((out, into)) * np.sqrt(2.0 / into) for into, out in pairwise(sizes)]
    return weights, [np.zeros(out) for out in sizes[1:]]


def _slopes(weights: list[FloatArray], biases: list[FloatArray], rows: FloatArray) -> list[FloatArray]:
    """Of the mean squared error of a batch: of all weights, then of all biases."""
    inner = [rows]
    for one, bias in zip(weights, biases, strict=True):
        found = inner[-1] @ one.T + bias
        inner.append(found if len(inner) == len(weights) else np.maximum(found, 0.0))
    slope = 2.0 * (inner[-1] - rows) / rows.size
    of_weights: list[FloatArray] = []
    of_biases: list[FloatArray] = []
    for at in range(len(weights) - 1, -1, -1):
        of_weights.insert(0, slope.T @ inner[at])
        of_biases.insert(0, slope.sum(axis=0))
        if at:
            slope = (slope @ weights[at]) * (inner[at] > 0)
    return [*of_weights, *of_biases]
