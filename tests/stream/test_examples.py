"""The configs of deploy/examples load, and fit references built from rows as they describe them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stream.config.load import load, load_references
from stream.references.build import build
from stream.references.plan import BuildOptions, outcome_options
from stream.rows.open import open_rows
from windows.references.reference import to_json

if TYPE_CHECKING:
    from operators.settings.model import ModelSettings

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
WITH_LABELS = ("click", "rides", "fraud", "feed", "video")
ROWS = 4_000


def _rows(model: ModelSettings) -> list[dict[str, Any]]:
    """Rows of a model: two features, its segments, a prediction and a label of its task."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(ROWS):
        row: dict[str, Any] = {"x": rng.normal(), "y": rng.exponential(), "timestamp": 1_790_000_000_000 + number * 500}
        row |= {key: f"{key}{rng.integers(3)}" for key in model.segments}
        drift = None if model.retrain is None else model.retrain.drift
        row |= {name: rng.normal() for name in (None if drift is None else drift.features) or ()}
        score = float(rng.random())
        if model.task == "binary":
            row |= {"prediction": score, "label": int(rng.random() < score)}
        elif model.task == "regression":
            row |= {"prediction": 600 * score, "label": 600 * score + rng.normal(0, 60)}
        elif model.task == "multiclass":
            row |= {"prediction": str(1 + number % 5), "label": str(1 + (number + (number % 7 == 0)) % 5)}
        rows.append(row)
    return rows


@pytest.mark.parametrize("name", WITH_LABELS)
def test_an_example_fits_references_built_for_it(tmp_path: Path, name: str) -> None:
    """Every key is known, every window can be kept, and every baseline is there."""
    config = tmp_path / f"{name}.yaml"
    shutil.copy(EXAMPLES / config.name, config)
    loaded = load(config, {})
    for model in loaded.models:
        rows = tmp_path / f"{model.name}.jsonl"
        rows.write_text("".join(json.dumps(row) + "\n" for row in _rows(model)))
        options = BuildOptions(model.name, segments=model.segments, task=model.task, outcomes=outcome_options(model))
        assert model.reference is not None
        model.reference.write_bytes(to_json(build(open_rows(rows, {}), options).reference))
    references = load_references(loaded)
    assert references.keys() == {model.name for model in loaded.models}
    assert any(model.performance for model in loaded.models)
