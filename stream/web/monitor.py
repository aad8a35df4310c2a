"""The page of a running monitor: what hears its reports, what keeps them, and what shows them."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.plans.model import plan_models
from stream.history.archive import HISTORY, Archive
from stream.history.history import History
from stream.history.recent import Recent
from stream.history.recorder import Recorder
from stream.history.tiles import layouts_of
from stream.metrics import catalog
from stream.web.config_lines import lines_of
from stream.web.desk import Desk
from stream.web.knowledge import Knowledge
from stream.web.ledger import Ledger
from stream.web.retraining import retraining_of
from stream.web.site import Site
from stream.web.views.alert import Outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from operators.plans.model import ModelPlan
    from stream.config.load import Config
    from stream.metrics.registry import Registry
    from stream.web.api import Reloads
    from stream.web.retraining import Retraining
    from windows.references.reference import Reference


@dataclass(frozen=True, slots=True)
class RegistryLive:
    """What the registry knows of now; `redact` takes secrets out of reasons."""

    registry: Registry
    redact: Callable[[str], str] = str

    def active(self, model: str) -> frozenset[tuple[str, str, str]]:
        """See Live."""
        rows = self.registry.values(catalog.ALERT_ACTIVE.name)
        return frozenset((row[1], row[2], row[3]) for row in rows if row[0] == model)

    def watermark(self, model: str) -> float | None:
        """See Live."""
        found = self.registry.values(catalog.WATERMARK_TIMESTAMP_SECONDS.name).get((model,))
        return None if found is None or found != found else found * 1e3  # noqa: PLR0124 - NaN

    def blind(self, model: str) -> int:
        """See Live."""
        return int(self.registry.values(catalog.BLIND_STREAMS.name).get((model,), 0))

    def retraining(self, model: str) -> Retraining:
        """See Live."""
        return retraining_of(self.registry, model)

    def not_ready(self) -> tuple[str, ...]:
        """See Live."""
        return tuple(map(self.redact, self.registry.not_ready()))


@dataclass(slots=True)
class MonitorPage:
    """Everything a page needs, made before the monitor starts.

    Attributes:
        recorder: is to hear every report.
        site: answers.
        recent: what it shows of the last minutes.
        desk: takes what is said of actions.
        redact: takes secrets out of what is wrong.
    """

    recorder: Recorder
    site: Site
    recent: Recent
    desk: Desk
    redact: Callable[[str], str] = str

    def follow(self, reloads: Reloads) -> None:
        """Say on every page what came of reloads."""
        self.site.reloads = reloads

    def renew(self, config: Config, plans: Mapping[str, ModelPlan]) -> None:
        """Show the models of another config from now on."""
        self.recorder.layouts = layouts_of(plans)
        self.site.knowledge.renew(plans)
        self.site.outside = _outside(config)
        self.desk.config = config
        self.site.ledger = Ledger(config)
        self.recent.revise()

    def line(self) -> str:
        """How everything is, in a line for a terminal."""
        standings, now = self.site.knowledge.standings(), time.time() * 1e3
        rate = sum(one.rate for one in standings if not math.isnan(one.rate))
        marks = [one.watermark for one in standings if one.watermark is not None]
        lag = f"{max(now - max(marks), 0) / 1e3:.0f} s behind" if marks else "no data yet"
        counts = {
            state: sum(one.state == state for one in standings) for state in ("critical", "warning", "no data", "blind")
        }
        named = [f"{count} {state}" for state, count in counts.items() if count]
        live = self.site.knowledge.live
        reasons = () if live is None else live.not_ready()
        models = f"{len(standings)} models: {', '.join(named) or 'all well'}"
        return "  ".join(("driftgauge", f"{rate:,.0f}/s", lag, models, *(f"not ready: {one}" for one in reasons[:1])))

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the history, or with a config that was to be taken."""
        reloads = self.site.reloads
        said = reloads.said if reloads is not None and reloads.refused else ""
        return tuple(self.redact(one) for one in (self.recorder.problem, said) if one)

    @contextlib.contextmanager
    def open(self, registry: Registry) -> Iterator[None]:
        """Hear the registry's reports and keep them; at the end write what there is."""
        registry.add_listener(self.recorder)
        self.recorder.start()
        try:
            yield
        finally:
            self.recorder.close()


def monitor_page(
    config: Config, references: Mapping[str, Reference], registry: Registry, redact: Callable[[str], str] = str
) -> MonitorPage:
    """The page of a monitor with this config; `redact` takes secrets out of what it says is wrong.

    Raises:
        ConfigError: a webhook's secret cannot be used.
    """
    plans = plan_models(config.models, references, config.time, config.alerting, everything=False)
    archive = archive_of(config.state.directory, config)
    recent = Recent()
    recorder = Recorder(recent, archive, layouts_of(plans))
    knowledge = Knowledge(plans, History(recent, archive), RegistryLive(registry, redact))
    site = Site(knowledge, lambda: recent.revision, _outside(config))
    page = MonitorPage(recorder, site, recent, Desk(config), redact)
    site.problems = page.problems
    site.ledger = Ledger(config)
    return page


def _outside(config: Config) -> Outside:
    urls = config.alertmanager.urls
    return Outside(lambda event: lines_of(config, event), urls[0] if urls else "")


def archive_of(directory: Path, config: Config) -> Archive | None:
    """The history on disk; None where the config wants none."""
    settings = config.history
    if not settings.max_bytes:
        return None
    return Archive(directory / HISTORY, settings.max_bytes, settings.keep)
