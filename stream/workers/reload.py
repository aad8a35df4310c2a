"""Reload: the config is read again while the monitor runs, and taken as a whole or not at all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from operators.plans.model import plan_models
from stream.config.load import load, load_references, with_pace
from stream.errors import UsageError
from stream.metrics import catalog
from stream.metrics.reports import Increments
from stream.state.directory import fit
from stream.workers.worker import MonitorFlow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from operators.plans.model import ModelPlan
    from stream.config.load import Config
    from stream.metrics.registry import Registry
    from stream.state.anew import FreshStart
    from windows.references.reference import Reference

_LOG = logging.getLogger("driftgauge.reload")

FIXED = (
    "kafka",
    "topics",
    "sources",
    "state",
    "history",
    "workers",
    "cluster",
    "http",
    "time",
    "alertmanager",
    "actions",
)
"""Sections that are read at the start only."""


class Shown(Protocol):
    """What shows the models and has to know of others."""

    def renew(self, config: Config, plans: Mapping[str, ModelPlan]) -> None:
        """Show these from now on."""


class RefusedReloadError(UsageError):
    """The new config cannot be taken while the monitor runs; the former one goes on."""


@dataclass(frozen=True, slots=True)
class Found:
    """A config that was read again, is another one, and can be gone on with.

    Attributes:
        config: with its `references` and `plans` of its models; `anew` are those that start anew.
    """

    config: Config
    references: Mapping[str, Reference]
    plans: Mapping[str, ModelPlan]
    anew: tuple[FreshStart, ...] = ()


@dataclass(slots=True)
class Reload:
    """Reads a config again.

    Attributes:
        path: of the config.
        config: that holds now; `references`: of its models.
        registry: counts, and forgets models that are gone.
        shown: pages; None for none.
        count: reloads so far, of whatever outcome.
        said: what came of the latest reload, in a sentence; empty before the first. `refused`: whether it was.
        gone: models that the config has no more, and those that start anew, until the former flow has ended.
    """

    path: Path
    config: Config
    references: Mapping[str, Reference]
    registry: Registry
    shown: Shown | None = None
    count: int = 0
    said: str = ""
    refused: bool = False
    gone: tuple[str, ...] = ()

    def __call__(self) -> MonitorFlow | None:
        """The flow to run from now on; None where the former one goes on, because of which `said` tells."""
        found = self.read()
        return None if found is None else self.take(found)

    def read(self) -> Found | None:
        """The config as it is now; None where the former one goes on, because of which `said` tells."""
        try:
            found = self._read()
        except UsageError as error:
            self.refuse(str(error))
            return None
        except OSError as error:
            self._tell("refused", f"the new config cannot be read, the former one goes on: {error}")
            return None
        if found is None:
            self._tell("unchanged", "the config says what it said before")
        return found

    def refuse(self, why: str) -> None:
        """The former config goes on."""
        self._tell("refused", f"the new config is refused, the former one goes on: {why}")

    def take(self, found: Found) -> MonitorFlow:
        """Go on with what was read; the flow to run from now on."""
        self._take(found.config, found.references, found.plans, found.anew)
        return MonitorFlow(found.config, found.references)

    def settle(self) -> None:
        """Show nothing more of models that are gone, nor of what they were before they started anew."""
        for name in self.gone:
            self.registry.forget_model(name)
        self.gone = ()

    def _read(self) -> Found | None:
        loaded = load(self.path)
        references = load_references(loaded)
        loaded = self._with_processes(with_pace(loaded, references))
        self._refuse_fixed(loaded)
        if self._same(loaded, references):
            return None
        plans = plan_models(loaded.models, references, loaded.time, loaded.alerting, everything=False)
        found = fit(loaded.state, plans, loaded.topics, loaded.sources)
        if found.misread:
            raise RefusedReloadError(
                f"{'; '.join(found.misread)}: the state kept in {loaded.state.directory} would be misread; "
                "stop, name a new state.directory, start"
            )
        if found.anew and loaded.cluster.several:
            words = "; ".join(map(str, found.anew))
            raise RefusedReloadError(
                f"{words}: several hosts start no model anew; stop, name a new state.directory, start"
            )
        return Found(loaded, references, plans, found.anew)

    def _with_processes(self, loaded: Config) -> Config:
        """On one host `run --processes` says how many there are, whatever the config says."""
        if self.config.cluster.several or loaded.cluster.several:
            return loaded
        cluster = loaded.cluster.model_copy(update={"processes": self.config.cluster.processes})
        return loaded.model_copy(update={"cluster": cluster})

    def _refuse_fixed(self, loaded: Config) -> None:
        changed = [name for name in FIXED if getattr(loaded, name) != getattr(self.config, name)]
        if _asks(loaded) != _asks(self.config):
            changed.append("what a model asks for (retrain, on)")  # the courier has it from the start
        if changed:
            raise RefusedReloadError(f"{', '.join(changed)}: changed; that takes a stop and a start")

    def _same(self, loaded: Config, references: Mapping[str, Reference]) -> bool:
        return (loaded.models, loaded.alerting, _ids(references)) == (
            self.config.models,
            self.config.alerting,
            _ids(self.references),
        )

    def _take(
        self,
        loaded: Config,
        references: Mapping[str, Reference],
        plans: Mapping[str, ModelPlan],
        anew: Sequence[FreshStart],
    ) -> None:
        before, after = (
            {model.name: model for model in self.config.models},
            {model.name: model for model in loaded.models},
        )
        # What is shown of a model that starts anew is as of the former reference.
        self.gone = (*(before.keys() - after.keys()), *(one.model for one in anew))
        parts = {
            "added": sorted(after.keys() - before.keys()),
            "removed": sorted(before.keys() - after.keys()),
            "changed": sorted(name for name in after.keys() & before.keys() if after[name] != before[name]),
        }
        words = [f"{len(names)} models {word} ({', '.join(names[:5])})" for word, names in parts.items() if names]
        if loaded.alerting != self.config.alerting:
            words.append("alerting changed")
        words += map(str, anew)
        self.config, self.references = loaded, references
        if self.shown is not None:
            self.shown.renew(loaded, plans)
        self._tell("taken", f"the new config is taken: {', '.join(words) or 'references'}")

    def _tell(self, outcome: str, said: str) -> None:
        self.said, self.refused = said, outcome == "refused"
        self.count += 1
        (_LOG.error if self.refused else _LOG.info)("%s", said)
        self.registry.apply(Increments(catalog.CONFIG_RELOADS_TOTAL.name, {(outcome,): 1.0}))


def _ids(references: Mapping[str, Reference]) -> dict[str, tuple[str, ...]]:
    """Ids of the references of each model: its own, and those of its versions."""
    return {name: (one.id, *(own.id for own in one.versions.values())) for name, one in references.items()}


def _asks(config: Config) -> dict[str, tuple[object, object, object]]:
    """What models have done about their alerts."""
    return {model.name: (model.retrain, model.canary, model.on) for model in config.models if model.asks}
