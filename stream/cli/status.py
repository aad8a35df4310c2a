"""`driftgauge status`, `alerts` and `explain`: what the running monitor knows, in a terminal."""

import datetime as dt
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.ask import Monitor
from stream.cli.signals import stop_event
from stream.web.text import versioned

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The monitor's config: its address and how to say who you are.")
]
UrlOption = Annotated[str | None, typer.Option(help="The monitor's address, if it is not the config's.")]

LOOK = 2.0
"""Seconds between two looks at what is new."""


def status(*, config: ConfigOption = None, url: UrlOption = None) -> None:
    """Say how the running monitor and its models are. Exits with 1 when it is not ready or a model needs a person."""
    monitor = Monitor(config, url)
    state, models = monitor.ask("/state"), monitor.ask("/models")["models"]
    for line in status_lines(state, models, time.time() * 1e3):
        typer.echo(line)
    needed = any(model["state"] in {"critical", "warning", "no data"} for model in models)
    raise typer.Exit(1 if needed or not state["ready"] else 0)


def status_lines(state: dict[str, Any], models: list[dict[str, Any]], now: float) -> Iterator[str]:
    """For people: the monitor in a line, then a line or two for each model, who needs a person first."""
    rate = sum(model["predictions_per_second"] or 0.0 for model in models)
    lag = "no data yet" if state["watermark"] is None else f"{max(now - state['watermark'], 0) / 1e3:.0f} s behind"
    yield f"{'ready' if state['ready'] else 'not ready'}, {rate:,.0f} predictions/s, {lag}, {len(models)} models"
    yield from (f"  {problem}" for problem in state["problems"])
    width = max((len(model["model"]) for model in models), default=0)
    for model in models:
        firing = ", ".join(dict.fromkeys(alert["alert"] for alert in model["firing"]))
        yield f"{model['model']:<{width}}  {model['state']:<8}  {firing or model['why']}"


def alerts(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    firing: Annotated[bool, typer.Option(help="Only what fires now.")] = False,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """List the alerts that the running monitor remembers, the youngest last; with --follow, each change as it comes."""
    monitor = Monitor(config, url)
    query = "&".join(part for part in (f"model={model}" if model else "", "state=firing" if firing else "") if part)
    path = f"/alerts?{query}" if query else "/alerts"
    known: set[str] = set()
    with stop_event() as stop:
        while True:
            found = [one for one in reversed(monitor.ask(path)["alerts"]) if one["id"] not in known]
            for alert in found:
                typer.echo(alert_line(alert))
            known |= {alert["id"] for alert in found}
            if not follow or stop.wait(LOOK):
                return


def alert_line(alert: dict[str, Any]) -> str:
    """An alert in a line."""
    ended = alert["state"] == "resolved"
    where = " ".join(part for part in (alert["model"], versioned(alert["version"]), alert["segment"]) if part)
    word = "resolved" if ended else alert["severity"]
    return f"{_moment(alert['event_time'])}  {word:<8}  {alert['alert']} {where}  {alert['key']}\n    {alert['reason']}"


def explain(
    alert: Annotated[str, typer.Argument(help="The key of an alert (as `alerts` lists it), or the id of an event.")],
    *,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Say why an alert fired: value, interval, window, the lines of the config that decide it, what would clear it."""
    for line in explain_lines(Monitor(config, url).ask(f"/alerts/{alert}")):
        typer.echo(line)


def explain_lines(alert: dict[str, Any]) -> Iterator[str]:
    """For people."""
    yield alert["reason"]
    ends = "fires still" if alert["state"] != "resolved" else f"ended {_moment(alert['event_time'])}"
    yield f"  began      {_moment(alert['started_at'])}, {ends}, {alert['severity']}"
    window = alert["window"]
    yield f"  window     {window['size']}, {_moment(window['start'])} to {_moment(window['end'])}"
    span = f"{_number(alert['lower'])} to {_number(alert['upper'])}"
    yield f"  {alert['metric'] or 'value':<10} {_number(alert['value'])}, interval {span}, on {alert['samples']:,} rows"
    yield f"  threshold  {_number(alert['threshold'])}, rule {alert['monitor']}"
    for line in alert["decided_by"]:
        yield f"  config     {line['place']}: {line['text']}"
    for cause in alert["causes"][:10]:
        name = cause["feature"] or cause["metric"]
        yield f"  cause      {name}: {cause['metric']} {_number(cause['value'])}, {cause['share']:.0%} of the evidence"
    if alert["state"] != "resolved":
        yield f"  clears     {alert['clears']}"
    for event in alert["events"]:
        yield f"  {_moment(event['event_time'])}  {event['state']:<8}  {event['severity']}"
    if alert["runbook_url"]:
        yield f"  runbook    {alert['runbook_url']}"


def _moment(ms: float) -> str:
    return f"{dt.datetime.fromtimestamp(ms / 1e3, tz=dt.UTC):%Y-%m-%d %H:%M:%S}"


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4g}"
