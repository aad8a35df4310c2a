"""What a user says of columns on the command line: options that `init` and `reference build` share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from operators.settings.source import UTC
from stream.config.zones import known
from stream.errors import UsageError
from stream.references.wishes import ColumnOptions

Label = Annotated[str | None, typer.Option("--label", metavar="COLUMN", help="Column with what turned out to be true.")]
Prediction = Annotated[
    str | None, typer.Option("--prediction", metavar="COLUMN", help="Column with the prediction: score, class, value.")
]
Timestamp = Annotated[str | None, typer.Option("--timestamp", metavar="COLUMN", help="Column with the event time.")]
Latency = Annotated[str | None, typer.Option("--latency", metavar="COLUMN", help="Column with the latency in ms.")]
Version = Annotated[str | None, typer.Option("--version", metavar="COLUMN", help="Column with the model's version.")]
Categorical = Annotated[
    list[str] | None, typer.Option("--categorical", metavar="COLUMNS", help="Columns that are categories: a,b.")
]
Numeric = Annotated[
    list[str] | None, typer.Option("--numeric", metavar="COLUMNS", help="Columns that are numbers: a,b.")
]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", metavar="COLUMNS", help="Columns to leave out: a,b.")]
Missing = Annotated[
    list[str] | None, typer.Option("--missing", metavar="TEXT", help="Text that stands for no value, such as ? or NA.")
]
LocalTimes = Annotated[
    str | None,
    typer.Option(
        "--local-times",
        metavar="ZONE",
        help="Where the clocks are that times without an offset are read from, such as Europe/Berlin; else UTC.",
    ),
]
Threshold = Annotated[
    float | None, typer.Option("--threshold", metavar="SCORE", help="A score of at least this is positive.")
]
Positive = Annotated[
    str | None, typer.Option("--positive", metavar="LABEL", help="The label that is positive, where labels are text.")
]
Classes = Annotated[
    str | None, typer.Option("--classes", metavar="NAMES", help="Classes by position in lists of scores: bird,cat,dog.")
]


def checked_zone(name: str | None) -> str:
    """The zone of --local-times; UTC where none is said.

    Raises:
        UsageError: there is no such zone.
    """
    if name is not None and not known(name):
        raise UsageError(f"--local-times: no time zone {name!r}; a name such as Europe/Berlin is needed")
    return name or UTC


def said(given: dict[str, Any]) -> ColumnOptions:
    """What the options say.

    Raises:
        UsageError: a column is said to be two things, or a threshold is none.
    """
    threshold = given["threshold"]
    if threshold is not None and not 0 < threshold < 1:
        raise UsageError(f"--threshold: a number between 0 and 1 is needed, not {threshold:g}")
    names = {"label": "label", "prediction": "prediction", "timestamp": "timestamp", "latency_ms": "latency"}
    roles = {role: given[name] for role, name in (names | {"version": "version"}).items() if given[name] is not None}
    kinds: dict[str, str] = {}
    for kind in ("categorical", "numeric"):
        for name in _names(given[kind]):
            if kinds.setdefault(name, kind) != kind:
                raise UsageError(f"--numeric: {name!r} is given to --categorical too; a column is one of them")
    ignored = tuple(_names(given["ignore"]))
    for name in ignored:
        if name in kinds or name in roles.values():
            raise UsageError(f"--ignore: {name!r} is given to another option too")
    missing = None if given["missing"] is None else tuple(given["missing"])
    classes = None if given["classes"] is None else tuple(_names([given["classes"]]))
    return ColumnOptions(roles, kinds, ignored, missing, threshold, given["positive"], classes)


def _names(given: list[str] | None) -> list[str]:
    """Names, each given alone or with others between commas."""
    return [name.strip() for text in given or () for name in text.split(",") if name.strip()]
