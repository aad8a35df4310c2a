"""`driftgauge routes`: Alertmanager routes that bring each team the alerts of its models."""

from pathlib import Path
from typing import Annotated

import typer

from stream.config.load import load
from stream.errors import UsageError
from stream.files import write_atomically
from stream.rules.routes import routes_text


def routes(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; without it, to the terminal.")] = None,
    prefix: Annotated[str, typer.Option(help="What stands before an owner in the name of its receiver.")] = "",
) -> None:
    """Write Alertmanager routes by the `owner` of each model."""
    loaded = load(config)
    if not any(model.owner for model in loaded.models):
        raise UsageError(f"{config}: no model has an `owner:`; name one, such as  owner: risk")
    text = routes_text(loaded.models, prefix)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_atomically(out, text.encode())
        typer.echo(f"written to {out}")
