"""Which lines of the config decide an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.alerts import ALERTS
from stream.web.views.alert import ConfigLine

if TYPE_CHECKING:
    from operators.alerts.event import AlertEvent
    from stream.config.load import Config

OF_KIND = {alert: row.setting for alert, row in ALERTS.items() if row.setting}
"""Settings of alerts that no monitor of a metric feeds."""


def lines_of(config: Config, event: AlertEvent) -> tuple[ConfigLine, ...]:
    """The lines of the model's own rule, and those that hold for every alert."""
    found = []
    for index, model in enumerate(config.models):
        if model.name == event.model:
            keys = OF_KIND.get(event.alert) or tuple(part for part in event.monitor.split(".") if part)
            found.append(_line(config, ("models", index, *keys)))
    found += [_line(config, ("alerting", name)) for name in ("false_pages_per_month", "resolve_after")]
    return tuple(found)


def _line(config: Config, path: tuple[str | int, ...]) -> ConfigLine:
    name = ".".join(map(str, path))
    told = config.line_of(path)
    return ConfigLine(
        "default" if told is None else told[0], f"{name}: {_value(config, path)}" if told is None else told[1]
    )


def _value(config: Config, path: tuple[str | int, ...]) -> str:
    """What holds at a place, as far as the place is one of settings."""
    found: object = config
    for part in path:
        if isinstance(part, int) and isinstance(found, tuple):
            found = found[part]
        elif isinstance(found, dict):
            found = found.get(part)
        else:
            found = getattr(found, str(part), None)
    if found is None:
        return "as driftgauge chooses"
    shown = getattr(found, "model_dump", None)
    return str(shown(exclude_none=True) if shown is not None else found)
