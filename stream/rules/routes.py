"""Alertmanager routes by owner: each team's alerts go to its own receiver."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.settings.model import ModelSettings

HEAD = """\
# Written by `driftgauge routes`. Put the routes under `route.routes` of alertmanager.yml, before all others, and make a
# receiver of each name under `receivers` (slack_configs, pagerduty_configs, email_configs, webhook_configs).
# Models without an owner go where your other routes lead. Run it again when a model or an owner changes.
"""


def routes_text(models: Sequence[ModelSettings], prefix: str = "") -> str:
    """The routes and the names of their receivers, as YAML; `prefix` stands before the name of each receiver."""
    owners: dict[str, list[str]] = {}
    for model in models:
        if model.owner is not None:
            owners.setdefault(model.owner, []).append(model.name)
    routes: list[dict[str, Any]] = [
        {"receiver": f"{prefix}{owner}", "matchers": [f"model=~{_quoted(_any_of(names))}"]}
        for owner, names in sorted(owners.items())
    ]
    receivers = [{"name": f"{prefix}{owner}"} for owner in sorted(owners)]
    return HEAD + yaml.safe_dump({"routes": routes, "receivers": receivers}, sort_keys=False, width=1_000)


def _any_of(names: Sequence[str]) -> str:
    """A regular expression of RE2 that matches these names and no other; Alertmanager anchors it itself."""
    return "|".join(_escaped(name) for name in sorted(names))


def _escaped(name: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", name)


def _quoted(text: str) -> str:
    """As a quoted matcher of Alertmanager."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
