"""`driftgauge action`: what was asked for, and what people say of it."""

import datetime as dt
import getpass
import uuid
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer

from operators.actions.event import OVER
from operators.settings.actions import ActionName
from operators.settings.durations import show_duration
from stream.config.load import Config, load, model_named
from stream.errors import UsageError
from stream.kafka.action_log import Step, say, steps_of
from stream.kafka.messages import rfc3339

app = typer.Typer(help="What was asked of other systems, and what is said of it.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
Number = Annotated[str, typer.Argument(metavar="ID", help="Of an action; its first digits are enough.")]
By = Annotated[str | None, typer.Option(help="Who says so; you, if it is left out.")]
Why = Annotated[str, typer.Option(help="In words, kept with the action.")]
FEWEST_DIGITS = 4


@app.command("list")
def list_actions(
    config: ConfigFile,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is over, refused, or was only tried.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The latest step of each as JSON lines.")] = False,
) -> None:
    """The actions that are open, oldest first, each by its latest step."""
    loaded = load(config)
    latest: dict[str, Step] = {}
    for step in steps_of(loaded.kafka, loaded.topics.actions):
        if step["state"] != "blocked" or step["id"] not in latest:
            latest[step["id"]] = step
    chosen = [step for step in latest.values() if _is_chosen(step, model, everything=everything)]
    for step in sorted(chosen, key=lambda one: one["requested_at"]):
        typer.echo(msgspec.json.encode(step).decode() if as_json else _line(step))
    if not chosen and not as_json:
        typer.echo(f"no {'' if everything else 'open '}actions in {loaded.topics.actions}", err=True)


@app.command()
def show(number: Number, config: ConfigFile) -> None:
    """Every step of an action, and what it asks for."""
    steps = _action(load(config), number)
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
    last = _open(loaded, number)
    if last["state"] != "awaiting_approval":
        raise UsageError(f"{last['id']} is {last['state']}: nobody's agreement is waited for")
    if last["complete_by"] < rfc3339(_now()):
        raise UsageError(
            f"{last['id']} was to be done by {last['complete_by']}: too late; ask anew with: action request"
        )
    _say(loaded, "approve", last, by, reason)


@app.command()
def cancel(number: Number, config: ConfigFile, by: By = None, reason: Why = "") -> None:
    """Give an action up."""
    loaded = load(config)
    _say(loaded, "cancel", _open(loaded, number), by, reason)


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
    _say(loaded, "done", _open(loaded, number), by, reason, outcome=outcome)


@app.command()
def fail(number: Number, config: ConfigFile, by: By = None, reason: Why = "") -> None:
    """Say that an action has failed: ActionFailed fires."""
    loaded = load(config)
    _say(loaded, "fail", _open(loaded, number), by, reason)


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
    if action not in get_args(ActionName):
        raise UsageError(f"{action}: allowed are {', '.join(get_args(ActionName))}")
    settings = model_named(loaded, model)
    if loaded.actions.mode == "off" or (settings.retrain is None and not settings.on):
        raise UsageError(f"{loaded.source}: {model} asks for no actions: `retrain:` or `on:` is needed, and a mode")
    _write(loaded, {"kind": "request", "model": model, "action": action, "version": version}, by, reason)


def _is_chosen(step: Step, model: str | None, *, everything: bool) -> bool:
    is_open = step["state"] not in {*OVER, "blocked"} and not step["dry_run"]
    return (model is None or step["model"] == model) and (everything or is_open)


def _line(step: Step) -> str:
    state = step["block_reason"] or step["state"]
    tried = " (dry run)" if step["dry_run"] else ""
    what = f"{step['action']} of {step['model']} version {step['version'] or '-'}"
    return (
        f"{step['id'][:12]}  {step['requested_at']}  {state}{tried}  {what}, by {step['complete_by']}: {step['reason']}"
    )


def _action(config: Config, number: str) -> list[Step]:
    """The steps of one action.

    Raises:
        UsageError: there is none, or several begin so.
    """
    if len(number) < FEWEST_DIGITS:
        raise UsageError(f"{number}: at least {FEWEST_DIGITS} digits of an id are needed")
    steps = [step for step in steps_of(config.kafka, config.topics.actions) if step["id"].startswith(number)]
    ids = sorted({step["id"] for step in steps})
    if not ids:
        raise UsageError(f"{number}: no such action in {config.topics.actions}; see: driftgauge action list --all")
    if len(ids) > 1:
        raise UsageError(f"{number}: begins {len(ids)} ids, such as {ids[0]} and {ids[1]}")
    return steps


def _open(config: Config, number: str) -> Step:
    """The latest step of an action that is not over.

    Raises:
        UsageError: it is, or there is none.
    """
    steps = _action(config, number)
    last = [step for step in steps if step["state"] != "blocked"][-1:] or steps[-1:]
    if last[0]["dry_run"]:
        raise UsageError(f"{last[0]['id']} was only tried (actions.mode: dry_run): there is nothing to say of it")
    if last[0]["state"] in {*OVER, "blocked"}:
        raise UsageError(f"{last[0]['id']} is {last[0]['state']} since {last[0]['event_time']}")
    return last[0]


def _say(config: Config, kind: str, step: Step, by: str | None, reason: str, **more: Any) -> None:
    _write(config, {"kind": kind, "model": step["model"], "action": step["id"], **more}, by, reason)


def _write(config: Config, said: dict[str, Any], by: str | None, reason: str) -> None:
    message = {
        "id": str(uuid.uuid4()),
        **{name: value for name, value in said.items() if value is not None},
        "timestamp": rfc3339(_now()),
        "by": by or getpass.getuser(),
        "reason": reason,
    }
    say(config.kafka, config.topics.control, message)
    wait = show_duration(config.time.lateness + config.time.pane)
    typer.echo(f"said on {config.topics.control}: {message['kind']} {message['action']}; it counts within about {wait}")


def _now() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp() * 1e3)
