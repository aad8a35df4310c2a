"""What every connector does: send a step of an action, and tell how far it has come. Each call may come twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

Step = dict[str, Any]
"""A step of an action as it is in the actions topic."""

Kind = Literal["dispatched", "running", "done", "fail"]


class PassingError(RuntimeError):
    """It did not work this time; trying again may. `after` is how many seconds the other side asks for."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class RefusedError(RuntimeError):
    """It will never work: what was asked for is refused."""


@dataclass(frozen=True, slots=True)
class Word:
    """What is to be said of an action on the control topic; `version` is what came of it."""

    kind: Kind
    detail: str = ""
    version: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.kind in {"done", "fail"}


class Connector(Protocol):
    """One target. Sending the same step twice has the effect of sending it once, as far as the target can."""

    def wants(self, step: Step) -> bool:
        """Whether a step is for it."""

    def send(self, step: Step) -> Word | None:
        """Send it; what to say of it, None for nothing.

        Raises:
            PassingError: it may work later.
            RefusedError: it will not.
        """

    def look(self, step: Step) -> Word | None:
        """How far it has come; None where that is not known, or not to be known.

        Raises:
            PassingError: it could not be asked.
            RefusedError: it is not there any more.
        """

    @property
    def poll(self) -> float | None:
        """Seconds between two looks; None where there is nothing to look at."""
