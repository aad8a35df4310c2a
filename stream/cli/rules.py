"""`driftgauge rules`: Prometheus rules of a config."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from operators.settings.durations import ALLOWED, parse_duration, show_duration
from stream.config.load import load
from stream.errors import UsageError
from stream.files import write_atomically
from stream.rules.file import rules_of
from stream.rules.options import KEEP_FIRING_FOR, RuleOptions

_URL = re.compile(r"https?://\S+")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""Of a resource of Kubernetes: RFC 1123."""


def rules(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file; references are not read.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, replaced if it is there; else to stdout.")
    ] = None,
    job: Annotated[str, typer.Option(help="job_name of driftgauge in Prometheus' scrape config.")] = RuleOptions().job,
    dashboards: Annotated[
        str | None, typer.Option(help="Address of Grafana, for the links in alerts; else alerting.dashboard_url.")
    ] = None,
    keep_firing_for: Annotated[
        str, typer.Option(help="How long a page outlives its cause, so that no restart resolves it.")
    ] = show_duration(KEEP_FIRING_FOR),
    kubernetes: Annotated[
        str | None, typer.Option(metavar="NAME", help="As a PrometheusRule of this name, for the Prometheus Operator.")
    ] = None,
) -> None:
    """Write Prometheus' alerting and recording rules for the models, objectives and runbooks of a config."""
    if dashboards is not None and not _URL.fullmatch(dashboards):
        raise UsageError(f"--dashboards {dashboards}: allowed is an http or https address")
    if kubernetes is not None and not _NAME.fullmatch(kubernetes):
        raise UsageError(f"--kubernetes {kubernetes}: allowed are small letters, digits, dashes and dots")
    loaded = load(config)
    text = rules_of(loaded, RuleOptions(job, dashboards, _duration(keep_firing_for)), kubernetes)
    if output is None:
        sys.stdout.write(text)
        return
    write_atomically(output, text.encode())
    typer.echo(f"{output}: {text.count('- record: ')} recording rules, {text.count('- alert: ')} alerting rules")


def _duration(given: str) -> int:
    try:
        return parse_duration(given)
    except PydanticCustomError:
        raise UsageError(f"--keep-firing-for {given}: allowed is {ALLOWED}") from None
