"""Results: what a report is made of, read from where a replay or a monitor left it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.plans.model import plan_models
from stream.errors import UsageError
from stream.history.archive import HISTORY, UNFINISHED, Archive
from stream.history.history import Stands
from stream.history.tiers import DAY
from stream.history.tiles import bins_of
from stream.web.knowledge import Knowledge
from stream.web.report import Told, report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stream.config.load import Config
    from windows.references.reference import Reference

USUAL = 7 * DAY
"""How far back a report on a monitor's history goes where nothing is said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user says: config, references, names of the models, and how far back (ms; None for the usual)."""

    config: Config
    references: Mapping[str, Reference]
    models: tuple[str, ...]
    last: int | None


def of_results(asked: Asked, replay: Path | None, against: Path | None) -> str:
    """The report on a replay's directory, or on the history of the config's monitor.

    Raises:
        UsageError: there is nothing to report on.
    """
    directory = asked.config.state.directory if replay is None else replay
    usual = USUAL if replay is None else None
    one = _side(asked, directory, usual)
    return report(*one, None if against is None else _side(asked, against, None))


def _side(asked: Asked, directory: Path, usual: int | None) -> tuple[Knowledge, Told]:
    """What there is in one directory."""
    path = directory / HISTORY
    if not path.exists():
        how = "run the monitor, or: driftgauge replay --config C --predictions P --out DIR, then report --replay DIR"
        raise UsageError(f"{path}: there is no history; {how}")
    config = asked.config
    plans = plan_models(config.models, asked.references, config.time, config.alerting, everything=True)
    chosen = {name: plan for name, plan in plans.items() if name in asked.models}
    archive = Archive(path)
    past = Stands(archive, {name: bins_of(plan.reference) for name, plan in chosen.items()})
    knowledge = Knowledge(chosen, past)
    begins, ends = archive.extent(list(chosen))
    if ends is None:
        raise UsageError(f"{path}: nothing was measured of {', '.join(chosen)}, or the file cannot be read")
    back = asked.last or usual
    since = begins if back is None else max(begins, ends - back)
    unfinished = usual is None and (directory / UNFINISHED).exists()
    return knowledge, Told(directory.name if usual is None else config.source.stem, since, ends, unfinished)
