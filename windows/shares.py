"""The shares of a feature's values that are judged beside the reference's own: one row each.

A new share is a row here, where it is counted already: what is measured, its key in the config with its explanation,
limits of features of their own, evaluations, what pages and alerts call it and `check` follow. What is not counted yet
needs a slot in windows/predictions/layout.py, and its count in fold.py and compare.py. A share with `help` is a series,
too, and needs a panel (deploy/grafana/model_features.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Share:
    """What is known of a share.

    Attributes:
        title: what it is called on a page.
        words: what such values are, in a sentence: "were missing".
        values: they themselves, in a sentence: "missing values".
        meaning: which values those are, for the config.
        hits: where they are counted (`windows.predictions.compare.Counts`).
        among: the rows that it is a share of: all of them, or those with a value that could be read.
        limit: its rise over the reference's own share that is too much, unless the config says otherwise.
        of: the kind of feature that has it; None for any.
        of_predictions: the predictions have it, too; it is then among all rows.
        always: it may be off for a feature, but not for a model.
        help: what its series says; empty where it has none.
    """

    title: str
    words: str
    values: str
    meaning: str
    hits: Literal["missing", "outside", "mismatch"]
    among: Literal["rows", "values"]
    limit: float
    of: Literal["categorical", "numeric"] | None = None
    of_predictions: bool = False
    always: bool = False
    help: str = ""


SHARES: Mapping[str, Share] = {
    "missing": Share(
        "Missing",
        "missing",
        "missing values",
        "null, absent, or texts that stand for no value",
        "missing",
        "rows",
        0.01,
        always=True,
        help="Share of predictions in which the feature is missing.",
    ),
    "unseen": Share(
        "Unseen",
        "unseen",
        "unseen categories",
        "categories that the reference does not name",
        "outside",
        "values",
        0.05,
        of="categorical",
    ),
    "out_of_range": Share(
        "Out of range",
        "out of range",
        "numbers out of range",
        "numbers beyond the reference's range",
        "outside",
        "values",
        0.05,
        of="numeric",
    ),
    "mismatch": Share(
        "Wrong type",
        "of another type",
        "values of another type",
        "values of another type: words where numbers were, objects",
        "mismatch",
        "rows",
        0.01,
        of_predictions=True,
        always=True,
        help="Share of predictions in which the feature (or prediction) is of another type.",
    ),
}


def metric_of(share: str) -> str:
    """The name of its metric."""
    return f"{share}_ratio"


OF_METRIC: Mapping[str, Share] = {metric_of(name): share for name, share in SHARES.items()}
