"""What Alibi-Detect says of the windows of `joint_alibi.py`: run by the interpreter that has it.

    python load_tests/joint_alibi_peer.py DIRECTORY

Reads rows.npz there: `reference`, and w0, w1, ... of which the odd ones are broken. Writes said.json: detector ->
{false, found, right, pace}; right is -1 where features are not told from each other. Needs nothing of driftgauge.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
EPOCHS, LIMIT, OUTLIERS = 30, 1.5, 99
KEPT = 2_000
"""Rows that the kernel detectors compare with."""

Verdict = tuple[bool, Any]
"""Whether it is detected, and a score by feature (None where there is none)."""


def judged(windows: list[np.ndarray], judge: Callable[[np.ndarray], Verdict]) -> dict[str, float]:
    """What it says of healthy (even) and broken (odd) windows, and rows a second of CPU."""
    line = {"false": 0.0, "found": 0.0, "right": 0.0}
    began = time.process_time()
    for at, rows in enumerate(windows):
        told, scores = judge(rows)
        line["found" if at % 2 else "false"] += told
        if scores is None:
            line["right"] = -1.0
        elif at % 2 and told:
            line["right"] += set(np.argsort(-np.asarray(scores))[:2].tolist()) == {0, 1}
    return line | {"pace": sum(map(len, windows)) / (time.process_time() - began)}


def autoencoder(reference: np.ndarray) -> tuple[Callable[[np.ndarray], Verdict], Callable[[np.ndarray], Verdict]]:
    """The mean error by the rule of 1.5 times the reference's, and the share of outliers by twice the reference's."""
    import tensorflow as tf  # noqa: PLC0415 - heavy, and not everywhere
    from alibi_detect.od import OutlierAE  # noqa: PLC0415

    tf.random.set_seed(0)
    width = reference.shape[1]
    dense = tf.keras.layers.Dense
    parts = [
        tf.keras.Sequential([tf.keras.layers.InputLayer(shape=(first,)), dense(width // 2, "relu"), dense(last, kind)])
        for first, last, kind in ((width, width // 8, "relu"), (width // 8, width, None))
    ]
    detector = OutlierAE(encoder_net=parts[0], decoder_net=parts[1])
    held = reference[-KEPT * 5 :]
    detector.fit(reference[: -KEPT * 5], epochs=EPOCHS, verbose=False)
    detector.infer_threshold(held, threshold_perc=OUTLIERS)
    usual = detector.score(held)[1].mean()

    def by_mean(rows: np.ndarray) -> Verdict:
        by_feature, by_row = detector.score(rows)
        return bool(by_row.mean() > LIMIT * usual), by_feature.mean(axis=0)

    def by_share(rows: np.ndarray) -> Verdict:
        found = detector.predict(rows, outlier_type="instance", return_instance_score=False)
        return bool(found["data"]["is_outlier"].mean() > 2 * (100 - OUTLIERS) / 100), None

    return by_mean, by_share


def drift(detector: Any) -> Callable[[np.ndarray], Verdict]:
    """Its own verdict."""
    return lambda rows: (bool(detector.predict(rows)["data"]["is_drift"]), None)


def main(directory: Path) -> None:
    """Judge what lies in the directory."""
    warnings.filterwarnings("ignore")
    import tensorflow as tf  # noqa: PLC0415 - heavy, and not everywhere
    from alibi_detect.cd import ClassifierDrift, KSDrift, MMDDrift  # noqa: PLC0415

    given = np.load(directory / "rows.npz")
    reference = given["reference"]
    windows = [given[f"w{at}"] for at in range(len(given.files) - 1)]
    few = reference[:KEPT]
    model = tf.keras.Sequential([tf.keras.layers.Dense(32, "relu"), tf.keras.layers.Dense(2, "softmax")])
    by_mean, by_share = autoencoder(reference)
    detectors = {
        "Alibi OutlierAE, mean error x 1.5": by_mean,
        "Alibi OutlierAE, share of outliers": by_share,
        "Alibi KSDrift": drift(KSDrift(reference, p_val=0.05)),
        "Alibi MMDDrift": drift(MMDDrift(few, backend="tensorflow", p_val=0.05)),
        "Alibi ClassifierDrift": drift(ClassifierDrift(few, model, backend="tensorflow", p_val=0.05, epochs=3)),
    }
    said = {name: judged(windows, judge) for name, judge in detectors.items()}
    (directory / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
