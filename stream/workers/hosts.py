"""What makes a host one of several: its seat, the facts that must be the same everywhere, its part of the state."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import socket
from importlib.metadata import version
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from stream.cluster.card import Kept
from stream.cluster.seat import Places, Seat
from stream.errors import UsageError
from stream.state.directory import fed_before, has_state
from stream.state.layout import Layout, check_layout, write_layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from stream.config.load import Config
    from windows.references.reference import Reference

_SECTIONS = {
    "kafka": {"properties"},
    "topics": set[str](),
    "time": set[str](),
    "alerting": set[str](),
    "state": {"directory"},
    "actions": {"connectors"},
    "cluster": {"insecure"},
}
"""Sections that must be the same on all hosts, and what of them need not be."""


def host_number(config: Config, given: int | None, name: str | None = None) -> int:
    """Which host this is: as given, else the number at the end of the machine's name.

    Raises:
        UsageError: it is none of those in the config.
    """
    count = len(config.cluster.hosts)
    name = (os.environ.get("HOSTNAME") or socket.gethostname()) if name is None else name
    ordinal = re.search(r"-(\d{1,4})$", name.partition(".")[0])
    which = int(ordinal[1]) if given is None and ordinal else given
    if which is None or not 0 <= which < count:
        told = "it was not told" if which is None else f"it was told {which}"
        raise UsageError(
            f"cluster.hosts names {count} hosts: which of them is this? {told}; --host or DRIFTGAUGE_HOST, "
            f"0 to {count - 1}, or a machine name that ends with it, such as monitor-{count - 1}"
        )
    return which


def seat_of(config: Config, references: Mapping[str, Reference], host: int) -> Seat:
    """The seat of a host of the config."""
    cluster = config.cluster
    places = Places(cluster.hosts, host, cluster.processes, cluster.addresses(), cluster.timeout / 1e3)
    keeper = _Keeper(config, host)
    return Seat(places, facts_of(config, references), keeper.kept, keeper.taken)


def refuse_part(directory: Path) -> None:
    """Refuse to go on, on one host, with one host's part of the state of several.

    Raises:
        StateError: the directory holds that.
    """
    check_layout(directory, Layout("", 0, 1, 1))


def facts_of(config: Config, references: Mapping[str, Reference]) -> dict[str, str]:
    """What must be the same on every host, by what people call it; without secrets, and without paths."""
    facts = {
        "version of driftgauge": version("driftgauge"),
        "version of Bytewax": version("bytewax"),
        "version of Python": ".".join(platform.python_version_tuple()[:2]),
        "cluster.processes": str(config.cluster.processes),
    }
    for name, but in _SECTIONS.items():
        facts[name] = _digest(getattr(config, name), but)
    for number, source in enumerate(config.sources):
        facts[f"sources[{number}]"] = _digest(source, {"schema_file"})
    for model in config.models:
        facts[f"model {model.name}"] = _digest(model, {"reference"})
        facts[f"reference of {model.name}"] = references[model.name].id
    return facts


def _digest(settings: BaseModel, but: set[str]) -> str:
    held: Any = settings.model_dump(mode="json", exclude=but)
    return hashlib.sha256(json.dumps(held, sort_keys=True, default=str).encode()).hexdigest()[:12]


class _Keeper:
    """This host's part of the state."""

    def __init__(self, config: Config, host: int) -> None:
        self._settings, self._cluster, self._host = config.state, config.cluster, host
        self._new = token_hex(8)

    def _layout(self, state: str) -> Layout:
        return Layout(state, self._host, len(self._cluster.hosts), self._cluster.processes)

    def kept(self) -> Kept:
        """What is kept here.

        Raises:
            StateError: it does not belong here.
        """
        found = check_layout(self._settings.directory, self._layout(""))
        state = "" if found is None else found.id
        if self._host > 0:
            return Kept(state)
        saved = has_state(self._settings)
        return Kept(state or self._new, saved, saved and fed_before(self._settings))

    def taken(self, state: str) -> None:
        """The hosts agree: this is part of that state from now on."""
        write_layout(self._settings.directory, self._layout(state))
