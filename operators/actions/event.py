"""The action event: one step in the life of a request to another system, with ids that depend on the input alone."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Literal

import msgspec

ActionState = Literal[
    "requested",
    "awaiting_approval",
    "dispatched",
    "running",
    "completed",
    "failed",
    "cancelled",
    "expired",
    "blocked",
]
OVER: frozenset[str] = frozenset({"completed", "failed", "cancelled", "expired"})
"""States that nothing follows."""


class Trigger(StrEnum):
    """What asked for an action."""

    SCHEDULED = "scheduled"
    PERFORMANCE = "performance"
    DRIFT = "drift"
    PROBABILITY = "probability"
    MANUAL = "manual"
    SLA = "sla"
    CANARY = "canary"
    ALERT = "alert"
    """A rule of `on:` that names another alert than SlaBreach."""


class BlockReason(StrEnum):
    """Why an action that was asked for is not requested; the first that holds. The set is fixed."""

    BAD_DATA = "bad_data"
    """An alert of `block_on` fires."""
    BAD_TRAINING_DATA = "bad_training_data"
    """Bad data, or a fallback, lies within the training window, which the training does not leave out."""
    FEW_LABELS = "few_labels"
    """Fewer of the mature predictions have a label than `min_coverage`."""
    ALREADY_OPEN = "already_open"
    """The same action of this model is under way."""
    OUTRANKED = "outranked"
    """A stronger action of this model is under way: fallback before rollback before retrain before review."""
    NOT_CURED = "not_cured"
    """A retraining for the same cause was completed and did not clear it: somebody has to look."""
    COOLDOWN = "cooldown"
    """The last one was too short a time ago."""
    CAP = "cap"
    """There were as many in thirty days as may be."""
    TOO_MANY = "too_many"
    """As many actions are open as one model may have."""
    STORM = "storm"
    """So many models want the same at once that it is one thing to review."""
    MAX_OPEN = "max_open"
    """As many actions are open over all models as may be; it waits for its turn."""


class Excluded(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """A period that is not to be trained on; epoch ms."""

    since: int
    until: int
    why: str


class TrainingData(msgspec.Struct, frozen=True, rename={"since": "from"}):
    """What to train on: predictions from `since` until `until` (epoch ms) without those of the excluded periods."""

    since: int
    until: int
    exclude: tuple[Excluded, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """What came of an action."""

    version: str | None = None
    gain: float | None = None
    lower: float | None = None
    upper: float | None = None
    detail: str | None = None


class ActionEvent(msgspec.Struct, frozen=True):
    """One step of an action. Times are epoch ms; `emitted_at` is set where the event leaves.

    Attributes:
        id: of the action, the same for its whole life.
        event_id: of this step: what consumers drop duplicates by.
        cause: id of the alert event that leads; None where no alert does.
        causes: ids of all alert events behind it.
        via: names of the connectors that are to carry it out.
    """

    id: str
    event_id: str
    action: str
    state: ActionState
    sequence: int
    model: str
    version: str
    target_version: str | None
    trigger: str
    cause: str | None
    causes: tuple[str, ...]
    reason: str
    block_reason: str | None
    requested_at: int
    complete_by: int
    event_time: int
    emitted_at: int | None
    dry_run: bool
    approved_by: str | None = None
    probability: float | None = None
    data: TrainingData | None = None
    outcome: Result | None = None
    via: tuple[str, ...] = ()
    connector: str | None = None


def action_id(model: str, action: str, key: str, *, dry_run: bool) -> str:
    """What identifies an action over its whole life: 32 hex digits of what it is about and of what asked for it.

    One that is only tried out has another id than the same in earnest: whoever remembers the first must not take the
    second for known.
    """
    return _digest(model, action, key, "dry_run" if dry_run else "live")[:32]


def event_id_of(action: str, state: str, sequence: int, reason: str = "") -> str:
    """What identifies one step of an action."""
    return _digest(action, state, str(sequence), reason)[:32]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
