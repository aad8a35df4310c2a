"""Links of alerts: to the page of the model in Grafana, with what the alert is about and its time."""

from __future__ import annotations

from urllib.parse import quote_plus

MODEL_PAGE = "driftgauge-model"
"""Address (uid) of the model's dashboard in deploy/grafana."""

EVERYTHING = "$__all"
"""What Grafana calls the choice All: every version, or the whole of a version instead of a segment."""

BEFORE = 3_600_000
"""How much (ms) is shown of the time before an alert began."""


def model_dashboard(base: str | None, chosen: tuple[str, str, str], started_at: int, ended_at: int | None) -> str:
    """The dashboard of an alert on a model; empty when no address is known.

    Args:
        base: address of Grafana.
        chosen: model, version and segment, as in the alert; an empty one is All.
        started_at: ms since the epoch.
        ended_at: the same; None while the alert goes on.
    """
    if not base:
        return ""
    named = zip(("model", "version", "segment"), chosen, strict=True)
    variables = "&".join(f"var-{name}={quote_plus(value) if value else EVERYTHING}" for name, value in named)
    until = "now" if ended_at is None else str(ended_at)
    return f"{base.rstrip('/')}/d/{MODEL_PAGE}?{variables}&from={started_at - BEFORE}&to={until}"
