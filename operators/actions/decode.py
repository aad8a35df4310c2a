"""Decode: a batch of the control topic becomes what is said of each model, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from operators.actions.event import Result  # noqa: TC001 - read by msgspec
from operators.actions.inputs import Control, ControlKind, ControlTick
from operators.dead_letters import Reason
from operators.formats.json_lines import Parser
from operators.formats.schema import Timestamp  # noqa: TC001 - read by msgspec
from operators.progress import Told, progress_of
from windows.panes import effective_times, floor_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from operators.dead_letters import DeadLetter
    from operators.formats.json_lines import Fault
    from operators.records import Origin, RawBatch
    from windows.arrays import IntArray


class _Message(msgspec.Struct, gc=False):
    """A message as it is written; see Control."""

    id: str
    kind: ControlKind
    model: str
    action: str
    timestamp: Timestamp = None
    by: str = ""
    reason: str = ""
    version: str | None = None
    outcome: Result | None = None
    connector: str | None = None


@dataclass(frozen=True, slots=True)
class DecodedControl:
    """A batch of the control topic; see Decoded for what both have."""

    origin: Origin
    dead: tuple[DeadLetter, ...]
    floor: int | None
    said: dict[str, tuple[tuple[int, Control], ...]]


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """Models that act, and the clock settings (ms)."""

    models: tuple[str, ...]
    pane: int
    lateness: int
    max_ahead: int


class DecodeControl:
    """Decodes batches of the control topic. Keeps nothing between batches."""

    def __init__(self, config: ControlConfig) -> None:
        """Read messages about these models."""
        self.config = config
        self.models = frozenset(config.models)
        self.parser = Parser(msgspec.json.Decoder(_Message), config.max_ahead, self._faults)

    def __call__(self, batch: RawBatch) -> DecodedControl:
        """Decode one batch."""
        parsed, config = self.parser(batch), self.config
        said: dict[str, list[tuple[int, Control]]] = {}
        floor = None
        if parsed.records:
            floor = floor_of(int(parsed.proven.max()), config.lateness, config.pane)
            known = effective_times(parsed.stamps, parsed.proven, config.lateness, config.pane)
            stamps = parsed.stamps.tolist()
            for record, at, stamp in zip(parsed.records, known.tolist(), stamps, strict=True):
                said.setdefault(record.model, []).append((at, _control(record, stamp)))
        return DecodedControl(
            batch.origin,
            tuple(parsed.dead),
            floor,
            {model: tuple(mine) for model, mine in said.items()},
        )

    def _faults(self, records: list[Any], stamps: IntArray) -> Sequence[Fault]:
        """Messages about nobody that acts."""
        del stamps
        strange = np.fromiter((record.model not in self.models for record in records), np.bool_, len(records))
        return ((strange, Reason.UNKNOWN_MODEL, "a model that asks for no actions"),)


def _control(record: _Message, stamp: int) -> Control:
    return Control(
        record.id,
        record.kind,
        record.model,
        record.action,
        record.by,
        record.reason,
        record.version,
        record.outcome,
        record.connector,
        stamp,
    )


class Spread:
    """Tells every model how far the control topic has come, and each what is said of it."""

    def __init__(self, models: tuple[str, ...], pane: int) -> None:
        """Remember what everybody was told; forgetting it changes no result."""
        self.models = models
        self.pane = pane
        self.told = Told()

    def __call__(self, decoded: DecodedControl) -> list[tuple[str, ControlTick]]:
        """A tick for each model that something is said of, and for all where the progress is news."""
        progress = progress_of(decoded.origin, decoded.floor, self.pane)
        models = self.models if self.told.is_news(progress) else tuple(decoded.said)
        return [(model, ControlTick(progress, decoded.said.get(model, ()))) for model in models]
