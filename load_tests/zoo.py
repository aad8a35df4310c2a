"""The zoo: public tables x variants of types x writers of files x encoders of messages, each against its own reference.

    python load_tests/zoo.py [--tables 40] [--shift | --replay] [--only NAME] [--part 0/8]

Every cell builds a reference from a file and reads the same rows as messages: nothing may be refused, unseen or missing
otherwise, and no distance may reach 0.01. With --replay each cell goes through `init` and `replay`, its messages
through all encoders in turn: no dead letter, no alert, and no distance in the windows that hold all rows. With --shift
one column of the messages is moved, and must be the furthest. --part takes one cell of so many, others in each table.
Prints a matrix of failures by writer and variant, and every cell that is wrong. Tables are those that scikit-learn,
statsmodels, vega_datasets and river bring along: `pip install '.[zoo]'`.
"""

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "tests")) if place not in sys.path]

from zoo import ENCODERS, VARIANTS, WRITERS, messages, met, reference_from, untold  # noqa: E402
from zoo_replay import replayed  # noqa: E402

ROWS = 1_000
COLUMNS = 40
SKLEARN = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")
VEGA = ("airports", "anscombe", "barley", "burtin", "cars", "crimea", "driving", "iowa_electricity", "la_riots", "ohlc")
VEGA_MORE = ("seattle_weather", "sf_temps", "stocks", "us_employment", "wheat")
STATSMODELS = (
    "anes96 cancer ccard china_smoking co2 committee copper cpunish danish_data elec_equip elnino engel fair fertility"
    " grunfeld heart interest_inflation longley macrodata modechoice nile randhie scotland spector stackloss star98"
    " statecrime strikes sunspots"
)
RIVER = ("Phishing", "ChickWeights", "TrumpApproval", "ImageSegments", "SolarFlare", "WaterFlow")


def tables() -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables, at most ROWS rows and COLUMNS columns of each."""
    import sklearn.datasets  # noqa: PLC0415

    for name in SKLEARN:
        frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
        yield f"sklearn {name}", frame
    for name in STATSMODELS.split():
        frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
        yield f"statsmodels {name}", frame.reset_index(drop=True)
    from vega_datasets import local_data  # noqa: PLC0415

    for name in (*VEGA, *VEGA_MORE):
        yield f"vega {name}", getattr(local_data, name)()
    for name in RIVER:
        stream = getattr(import_module("river.datasets"), name)()
        # Of WaterFlow the features are a time alone: what is to be predicted is its only measure.
        measured = name == "WaterFlow"
        rows = [{**features, "flow": target} if measured else features for features, target in stream.take(ROWS)]
        yield f"river {name}", pd.DataFrame(rows)


def cut(table: pd.DataFrame) -> pd.DataFrame:
    """The table at a size that a zoo of thousands of cells can hold, with text for names."""
    table = table.iloc[:ROWS, :COLUMNS].reset_index(drop=True)
    table.columns = [str(name) for name in table.columns]
    return table


def shifted(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The column with most values among numbers, moved by two deviations; nothing else."""
    numeric = [name for name in table.select_dtypes("number") if table[name].nunique() > 10]
    if not numeric:
        return "", table
    name = max(numeric, key=lambda column: table[column].nunique())
    step = 2 * float(table[name].astype(float).std()) + 1
    return name, table.assign(**{name: table[name].astype("float64") + round(step)})


def main() -> None:
    """Run the zoo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--after", default="", help="leave out all tables up to this one")
    parser.add_argument("--part", default="0/1", help="one cell of so many, such as 3/8")
    arguments = parser.parse_args()
    turn, of = map(int, arguments.part.split("/"))
    warnings.simplefilter("ignore")
    wrong: Counter[tuple[str, str]] = Counter()
    cells: Counter[tuple[str, str]] = Counter()
    names: list[str] = []
    after = not arguments.after
    for name, whole in tables():
        if arguments.only not in name or len(names) >= arguments.tables:
            continue
        after = after or name == arguments.after
        if not after or name == arguments.after:
            continue
        names.append(name)
        turn += 1
        for variant, change in VARIANTS.items():
            table = change(cut(whole))
            for writer, write in WRITERS.items():
                turn += 1
                if turn % of:
                    continue
                cells[writer, variant] += 1
                said = replay_cell(table, write) if arguments.replay else cell(table, write, shift=arguments.shift)
                if said:
                    wrong[writer, variant] += 1
                    print(f"{name} | {variant} | {writer}: {said}", flush=True)
    print(f"\n{len(names)} tables, {sum(cells.values())} files, {len(ENCODERS)} encoders; wrong of each:")
    print(f"{'':16}" + "".join(f"{variant:>12}" for variant in VARIANTS))
    for writer in WRITERS:
        row = (f"{wrong[writer, variant]}/{cells[writer, variant]}" for variant in VARIANTS)
        print(f"{writer:16}" + "".join(f"{value:>12}" for value in row))
    sys.exit(1 if wrong else 0)


def replay_cell(table: pd.DataFrame, write: object) -> str:
    """What is wrong with one cell, end to end; empty for nothing."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            path = write(table, Path(directory) / "rows")  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - the writer refuses its own table
            return f"(not written: {type(error).__name__} {str(error)[:80]})" if "polars" not in str(write) else ""
        made = Path(directory) / "replayed"
        made.mkdir()
        try:
            return "; ".join(replayed(path, table, made))
        except Exception as error:  # noqa: BLE001 - every exception is a finding
            return f"{type(error).__name__}: {str(error)[:300]}"


def cell(table: pd.DataFrame, write: object, *, shift: bool) -> str:
    """What is wrong with one cell; empty for nothing."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            path = write(table, Path(directory) / "rows")  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - the writer refuses its own table
            return f"(not written: {type(error).__name__} {str(error)[:80]})" if "polars" not in str(write) else ""
        try:
            built = reference_from(path)
        except Exception as error:  # noqa: BLE001 - every exception is a finding
            return f"NO REFERENCE {type(error).__name__}: {str(error)[:300]}"
    lost = untold(table, built)
    if lost:
        return f"UNTOLD {lost}"
    column, live = shifted(table) if shift else ("", table)
    for encoder in ENCODERS:
        found = met(built.reference, messages(live, encoder))
        if not shift and not found.fine:
            return f"{encoder}: {found.refused} refused, unseen {found.unseen}, gaps {found.gaps}, worst {found.worst}"
        if shift and column in built.reference.features and found.worst[0] != column:
            return f"{encoder}: {column} was moved, but {found.worst} is furthest ({found.distances.get(column)})"
    return ""


if __name__ == "__main__":
    main()
