"""The page of a running monitor: what hears its reports, what keeps them, and what shows them."""

from __future__ import annotations

import contextlib
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
from stream.web.knowledge import Knowledge
from stream.web.site import Site
from stream.web.views.alert import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stream.config.load import Config
    from stream.metrics.registry import Registry
    from windows.references.reference import Reference


@dataclass(frozen=True, slots=True)
class RegistryLive:
    """What the registry knows of now."""

    registry: Registry

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

    def not_ready(self) -> tuple[str, ...]:
        """See Live."""
        return self.registry.not_ready()


@dataclass(frozen=True, slots=True)
class MonitorPage:
    """Everything a page needs, made before the monitor starts.

    Attributes:
        recorder: is to hear every report.
        site: answers.
    """

    recorder: Recorder
    site: Site

    @contextlib.contextmanager
    def open(self, registry: Registry) -> Iterator[None]:
        """Hear the registry's reports and keep them; at the end write what there is."""
        registry.add_listener(self.recorder)
        self.recorder.start()
        try:
            yield
        finally:
            self.recorder.close()


def monitor_page(config: Config, references: Mapping[str, Reference], registry: Registry) -> MonitorPage:
    """The page of a monitor with this config."""
    plans = plan_models(config.models, references, config.time, config.alerting, everything=False)
    archive = archive_of(config.state.directory, config)
    recent = Recent()
    recorder = Recorder(recent, archive, layouts_of(plans))
    knowledge = Knowledge(plans, History(recent, archive), RegistryLive(registry))
    urls = config.alertmanager.urls
    outside = Outside(lambda event: lines_of(config, event), urls[0] if urls else "")
    return MonitorPage(
        recorder,
        Site(knowledge, lambda: recent.revision, outside, lambda: (recorder.problem,) if recorder.problem else ()),
    )


def archive_of(directory: Path, config: Config) -> Archive | None:
    """The history on disk; None where the config wants none."""
    settings = config.history
    if not settings.max_bytes:
        return None
    return Archive(directory / HISTORY, settings.max_bytes, settings.keep)
