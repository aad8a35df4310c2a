"""`driftgauge compare`: is a new model better than the one that serves, on rows that neither was trained on?"""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from stream.compare.rows import Side
from stream.compare.run import MOST_SEGMENTS
from stream.compare.run import compare as run
from stream.compare.verdict import WHOLE, Comparison
from stream.rows.open import open_rows

EXIT = {"promote": 0, "keep": 10, "inconclusive": 11}
"""Exit code of each verdict, for pipelines."""


def compare(
    champion: Annotated[Path, typer.Option(help="Rows with `prediction` of the model that serves, and `label`.")],
    candidate: Annotated[Path, typer.Option(help="The same rows, in the same order, with the new model's.")],
    task: Annotated[str, typer.Option(help="binary, multiclass or regression.")] = "binary",
    metric: Annotated[str | None, typer.Option(help="That is decided by; accuracy or mae, if it is left out.")] = None,
    segment: Annotated[list[str] | None, typer.Option(help="Column whose values are looked at.")] = None,
    threshold: Annotated[float, typer.Option(help="A score of at least this is a positive prediction.")] = 0.5,
    margin: Annotated[float, typer.Option(min=0.0, help="How much worse it may be, in the metric's unit.")] = 0.0,
) -> None:
    """Judge a new model before it is deployed. Exit code 0: promote, 10: keep the champion, 11: too few rows."""
    found = run(
        Side("champion", open_rows(champion, {})),
        Side("candidate", open_rows(candidate, {})),
        cast("Any", task),
        metric=metric,
        segments=segment or (),
        threshold=threshold,
        margin=margin,
    )
    for line in lines_of(found):
        typer.echo(line)
    outcome, why = found.outcome()
    typer.echo(f"{outcome}: {why}")
    raise typer.Exit(EXIT[outcome])


def lines_of(found: Comparison) -> list[str]:
    """A line for each metric of the whole and of each segment: how much better the candidate is."""
    lines = []
    for segment, metric in sorted(found.groups):
        mean, lower, upper = found.interval(segment, metric)
        rows = found.groups[segment, metric].rows
        lines.append(f"{segment or 'all'}  {metric}  better by {mean:.4g} ({lower:.4g} to {upper:.4g}), {rows:,} rows")
    if len({segment for segment, _ in found.groups if segment != WHOLE}) >= MOST_SEGMENTS:
        lines.append(f"only {MOST_SEGMENTS} segments are looked at one by one")
    return lines
