"""What NannyML estimates for the same rows: run by the interpreter that has it.

    python load_tests/estimates_nannyml.py DIRECTORY

Reads reference.parquet, chunks.parquet and task.json ({"task", "chunk"}) there, writes estimates.json: metric -> value
of each chunk. Needs nothing of driftgauge.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pandas as pd

NAMES = {"roc_auc": "auc"}
SHARES = ["accuracy", "precision", "recall", "f1", "roc_auc"]


def estimate(reference: pd.DataFrame, chunks: pd.DataFrame, task: str, chunk: int) -> dict[str, list[float]]:
    """Metric -> estimates of the chunks, in order."""
    import nannyml  # noqa: PLC0415 - heavy, and not everywhere

    if task == "regression":
        features = [name for name in reference.columns if name.startswith("f")]
        estimator = nannyml.DLE(
            feature_column_names=features,
            y_pred="prediction",
            y_true="label",
            metrics=["mae", "rmse"],
            chunk_size=chunk,
        )
        metrics = ["mae", "rmse"]
    else:
        many = task == "multiclass"
        scores = {int(name[1:]): name for name in reference.columns if name.startswith("p") and name[1:].isdigit()}
        estimator = nannyml.CBPE(
            y_pred_proba=scores if many else "prediction",
            y_pred="predicted",
            y_true="label",
            problem_type="classification_multiclass" if many else "classification_binary",
            metrics=SHARES,
            chunk_size=chunk,
        )
        metrics = SHARES
    estimator.fit(reference)
    found = estimator.estimate(chunks.drop(columns="label")).filter(period="analysis").to_df()
    return {NAMES.get(name, name): found[name, "value"].astype(float).tolist() for name in metrics}


def main(directory: Path) -> None:
    """Estimate what lies in the directory."""
    warnings.filterwarnings("ignore")
    job = json.loads((directory / "task.json").read_text())
    reference, chunks = (pd.read_parquet(directory / f"{name}.parquet") for name in ("reference", "chunks"))
    found = estimate(reference, chunks, job["task"], job["chunk"])
    (directory / "estimates.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
