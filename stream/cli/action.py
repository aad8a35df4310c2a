"""`driftgauge action`: what was asked for, and what people say of it."""

import getpass
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer

from operators.settings.actions import ActionName
from stream.config.load import Config, load
from stream.kafka.action_log import Step
from stream.kafka.action_words import (
    about,
    counts_within,
    is_open,
    now_ms,
    open_step,
    refuse_approval,
    refuse_request,
    standing_of,
    steps_about,
    write,
)

app = typer.Typer(help="What was asked of other systems, and what is said of it.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
Number = Annotated[str, typer.Argument(metavar="ID", help="Of an action; its first digits are enough.")]
By = Annotated[str | None, typer.Option(help="Who says so; you, if it is left out.")]
Why = Annotated[str, typer.Option(help="In words, kept with the action.")]


@app.command("list")
def list_actions(
    config: ConfigFile,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is over, refused, or was only tried.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The latest step of each as JSON lines.")] = False,
) -> None:
    """The actions that are open, oldest first, each by its latest step."""
    loaded = load(config)
    chosen = [step for step in standing_of(loaded) if _is_chosen(step, model, everything=everything)]
    for step in chosen:
        typer.echo(msgspec.json.encode(step).decode() if as_json else _line(step))
    if not chosen and not as_json:
        typer.echo(f"no {'' if everything else 'open '}actions in {loaded.topics.actions}", err=True)


@app.command()
def show(number: Number, config: ConfigFile) -> None:
    """Every step of an action, and what it asks for."""
    steps = steps_about(load(config), number)
    last = steps[-1]
    typer.echo(f"{last['id']}: {last['action']} of {last['model']} version {last['version'] or '-'}")
    typer.echo(f"asked for by {last['trigger']}; to be done by {last['complete_by']}")
    for step in steps:
        by = f" by {step['approved_by']}" if step["approved_by"] else ""
        said = step["block_reason"] or (step["outcome"] or {}).get("detail") or ""
        typer.echo(f"  {step['event_time']}  {step['state']}{by}{f': {said}' if said else ''}")
    typer.echo(last["reason"])
    if last["data"] is not None:
        typer.echo(f"data from {last['data']['from']} to {last['data']['until']}")
        for period in last["data"]["exclude"]:
            typer.echo(f"  without {period['from']} to {period['to']}: {period['why']}")


@app.command()
def approve(number: Number, config: ConfigFile, by: By = None, reason: Why = "") -> None:
    """Agree to an action that waits for it."""
    loaded = load(config)
    last = open_step(loaded, number)
    refuse_approval(last, now_ms())
    _say(loaded, about("approve", last), by, reason)


@app.command()
def cancel(number: Number, config: ConfigFile, by: By = None, reason: Why = "") -> None:
    """Give an action up."""
    loaded = load(config)
    _say(loaded, about("cancel", open_step(loaded, number)), by, reason)


@app.command()
def done(
    number: Number,
    config: ConfigFile,
    by: By = None,
    reason: Why = "",
    version: Annotated[str | None, typer.Option(help="The version that came of it.")] = None,
    gain: Annotated[float | None, typer.Option(help="How much better that is, in the metric's unit.")] = None,
) -> None:
    """Say that an action is done."""
    loaded = load(config)
    outcome = {"version": version, "gain": gain, "detail": reason or None}
    _say(loaded, about("done", open_step(loaded, number), outcome=outcome), by, reason)


@app.command()
def fail(number: Number, config: ConfigFile, by: By = None, reason: Why = "") -> None:
    """Say that an action has failed: ActionFailed fires."""
    loaded = load(config)
    _say(loaded, about("fail", open_step(loaded, number)), by, reason)


@app.command()
def request(
    action: Annotated[str, typer.Argument(help=f"One of {', '.join(get_args(ActionName))}.")],
    config: ConfigFile,
    model: Annotated[str, typer.Option(help="Of which model.")],
    version: Annotated[str | None, typer.Option(help="That it is about; the newest, if it is left out.")] = None,
    by: By = None,
    reason: Why = "",
) -> None:
    """Ask for an action. Cooldown and cap do not count; bad data, and the same under way, do."""
    loaded = load(config)
    refuse_request(loaded, action, model)
    _say(loaded, {"kind": "request", "model": model, "action": action, "version": version}, by, reason)


def _is_chosen(step: Step, model: str | None, *, everything: bool) -> bool:
    return (model is None or step["model"] == model) and (everything or is_open(step))


def _line(step: Step) -> str:
    state = step["block_reason"] or step["state"]
    tried = " (dry run)" if step["dry_run"] else ""
    what = f"{step['action']} of {step['model']} version {step['version'] or '-'}"
    return (
        f"{step['id'][:12]}  {step['requested_at']}  {state}{tried}  {what}, by {step['complete_by']}: {step['reason']}"
    )


def _say(config: Config, said: dict[str, Any], by: str | None, reason: str) -> None:
    message = write(config, said, by=by or getpass.getuser(), reason=reason, now=now_ms())
    wait = counts_within(config)
    typer.echo(f"said on {config.topics.control}: {message['kind']} {message['action']}; it counts within about {wait}")
