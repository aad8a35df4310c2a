"""Inputs of the kinds that public bug reports of this field are about, on real tables, through `init` and `replay`.

    python load_tests/public_reports.py [--only TEXT] [--part 0/4]

Each report (its number is beside it) became one small input: a table of scikit-learn, statsmodels or vega_datasets is
written as its reporter had it, a config made with `init`, and predictions as an encoder would send them replayed.
Wanted is silence where nothing changed, the column named where one did, and scikit-learn's or pandas' figure where a
figure is asked for. Prints a line for each, exits 1 where one is not as wanted. `pip install '.[zoo]'`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from report_answers import of_answers
from report_classes import of_classes
from report_columns import of_gaps, of_texts, of_types
from report_exports import of_exports, of_scores
from report_files import of_files, of_times
from report_folders import of_files_of_strangers, of_folders_of_strangers
from report_judge import judge
from report_labels import of_labels, of_shapes
from report_messages import of_encoders
from report_strangers import of_cells_of_strangers, of_labels_of_strangers, of_times_of_strangers
from report_writers import of_writers

if TYPE_CHECKING:
    from report_inputs import Report


def reports() -> list[Report]:
    """All of them."""
    kinds = (
        of_types,
        of_gaps,
        of_texts,
        of_labels,
        of_shapes,
        of_writers,
        of_files,
        of_times,
        of_encoders,
        of_answers,
        of_classes,
        of_exports,
        of_scores,
        of_times_of_strangers,
        of_cells_of_strangers,
        of_labels_of_strangers,
        of_folders_of_strangers,
        of_files_of_strangers,
    )
    return [one for kind in kinds for one in kind()]


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="")
    parser.add_argument("--part", default="0/1", help="one input of so many, such as 3/4")
    arguments = parser.parse_args()
    only = arguments.only
    turn, of = map(int, arguments.part.split("/"))
    warnings.simplefilter("ignore")
    wrong = count = 0
    for one in reports():
        turn += only in one.source
        if only not in one.source or turn % of:
            continue
        count += 1
        with tempfile.TemporaryDirectory() as where:
            try:
                found = judge(one, Path(where))
            except Exception as error:  # noqa: BLE001 - every exception is a finding
                found = f"{type(error).__name__}: {str(error)[:300]}"
        wrong += bool(found)
        print(f"{'WRONG' if found else 'ok':6}{one.source}{': ' + found if found else ''}", flush=True)
    print(f"{count} inputs, {wrong} not as wanted")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
