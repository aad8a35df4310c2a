"""The ledger: what was asked of other systems, out of the actions topic, as the command line lists it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, get_args

from operators.actions.event import ActionState
from operators.settings.actions import ActionName
from stream.errors import Unreachable, UsageError
from stream.redact import redact
from stream.web.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.config.load import Config

MOST = 500
"""Actions in an answer: the youngest."""

SETS = ("open", "past", "all")
STATES: tuple[str, ...] = (*SETS, *get_args(ActionState))
"""What may be asked for: all that are open (as without it), all that are not, or those in one state."""


@dataclass(slots=True)
class Ledger:
    """Answers to GET /api/v1/actions; it keeps nothing and reads the topic each time."""

    config: Config
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, parts: Sequence[str], query: Mapping[str, str]) -> dict[str, Any]:
        """All that are chosen, or one with its steps.

        Raises:
            ApiError: there is none, the query is wrong, or Kafka does not answer.
        """
        try:
            with self._lock:  # each reads the topic
                return self._one(parts[0]) if parts else self._all(query)
        except UsageError as error:
            raise ApiError(redact(str(error), self.config), _status_of(error)) from None

    def _all(self, query: Mapping[str, str]) -> dict[str, Any]:
        # Only here, for whoever never asks needs no client of Kafka in this process.
        from stream.kafka.action_words import is_open, standing_of  # noqa: PLC0415

        state, action, model = query.get("state", "open"), query.get("action"), query.get("model")
        if state not in STATES:
            raise ApiError(f"state is one of {', '.join(STATES)}", HTTPStatus.BAD_REQUEST)
        if action is not None and action not in get_args(ActionName):
            raise ApiError(f"action is one of {', '.join(get_args(ActionName))}", HTTPStatus.BAD_REQUEST)
        found = [step for step in standing_of(self.config) if model is None or step["model"] == model]
        found = [step for step in found if action is None or step["action"] == action]
        if state in SETS:
            found = [step for step in found if state == "all" or is_open(step) == (state == "open")]
        else:
            found = [step for step in found if step["state"] == state]
        return {"actions": found[-MOST:], "found": len(found)}

    def _one(self, number: str) -> dict[str, Any]:
        from stream.kafka.action_words import latest_of, steps_about  # noqa: PLC0415 - see above

        steps = steps_about(self.config, number)
        (last,) = latest_of(steps)
        return {"action": last, "steps": steps}


def _status_of(error: UsageError) -> HTTPStatus:
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, Unreachable) else HTTPStatus.NOT_FOUND
