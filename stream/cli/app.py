"""The command line. Commands are loaded when they are called: `driftgauge check` waits for no dataflow engine."""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stream.errors import UsageError

COMMANDS = {
    "demo": "stream.cli.demo:demo",
    "init": "stream.cli.init:init",
    "peek": "stream.cli.peek:peek",
    "check": "stream.cli.check:check",
    "reference": "stream.cli.reference:app",
    "run": "stream.cli.run:run",
    "model": "stream.cli.model:app",
    "reload": "stream.cli.reload:reload",
    "dead-letters": "stream.cli.dead_letters:dead_letters",
    "state": "stream.cli.state:app",
    "status": "stream.cli.status:status",
    "alerts": "stream.cli.status:alerts",
    "explain": "stream.cli.status:explain",
    "replay": "stream.cli.replay:replay",
    "report": "stream.cli.report:report",
    "action": "stream.cli.action:app",
    "retrain": "stream.cli.retrain:app",
    "export": "stream.cli.export:app",
    "compare": "stream.cli.compare:compare",
    "rules": "stream.cli.rules:rules",
    "routes": "stream.cli.routes:routes",
    "simulate": "stream.cli.simulate:simulate",
    "topics": "stream.cli.topics:topics_app",
}
"""Command -> module:name of its function, of a typer app with commands of its own, or of a function that makes one."""

SUMMARY = "Watches machine-learning models in production, live: drift and SLA alerts from Kafka within a minute."


class Commands(TyperGroup):
    """The commands of COMMANDS, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None."""
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found = getattr(import_module(module), attribute)
        if attribute.endswith("_app"):
            found = found()
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False)
            single.command(name=cmd_name)(found)
            found = single
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=SUMMARY
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"driftgauge {version('driftgauge')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del show_version


def main() -> None:
    """Run a command. A user's mistake is told in one line per problem, without a traceback.

    Exit codes: 0 done, 2 bad usage or config, 3 a dependency is unreachable, 1 anything else.
    """
    # Before numpy is loaded, here and in the workers: our matrices are small, more threads only take cores from others.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of a pipe went away: `driftgauge reference show FILE | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
