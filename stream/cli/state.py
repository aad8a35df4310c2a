"""`driftgauge state`: what state directories hold, and moving it when the number of hosts changes."""

from pathlib import Path
from typing import Annotated

import typer

from stream.errors import UsageError
from stream.state.move import described, move, plan_move

app = typer.Typer(add_completion=False, no_args_is_help=True, help="State directories of a monitor on several hosts.")

Directories = Annotated[list[Path], typer.Argument(help="state.directory of each host, in their order: 0, 1, ...")]
Hosts = Annotated[int, typer.Option(min=1, max=64, help="How many hosts there are to be.")]
Processes = Annotated[int, typer.Option(min=1, max=256, help="Dataflow processes on each of them.")]


@app.command()
def show(directories: Directories) -> None:
    """Say what each directory holds, a line of JSON each."""
    for directory in directories:
        typer.echo(described(directory))


@app.command()
def plan(directories: Directories, hosts: Hosts, processes: Processes = 1) -> None:
    """Say what would move for another number of hosts, or of processes on each."""
    planned = plan_move(directories, hosts, processes)
    for one in planned.moves:
        typer.echo(str(one))
    typer.echo(f"{len(planned.moves)} shards move; now {planned.before}, then {planned.after}")


@app.command("move")
def move_command(directories: Directories, hosts: Hosts, processes: Processes = 1) -> None:
    """Move what has to move for another number of hosts, or of processes on each. All hosts are stopped.

    Each directory must be reachable from here: mounted, or copied here before and back afterwards. Interrupted, it is
    to be repeated; no host starts before.
    """
    planned = plan_move(directories, hosts, processes)
    try:
        move(planned, typer.echo)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}; repeat this once that is mended") from error
    typer.echo(f"{len(planned.moves)} shards moved; the state is that of {planned.after.hosts} hosts now")
