"""Slack: steps of actions as messages of an incoming webhook. It is told, and does nothing; it may be told twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.connectors.base import RefusedError, Step, Word

if TYPE_CHECKING:
    from stream.connectors.client import Client

SIGNS = {"failed": ":x:", "expired": ":x:", "completed": ":white_check_mark:", "awaiting_approval": ":raised_hand:"}


@dataclass(frozen=True, slots=True)
class Slack:
    """A channel.

    Attributes:
        client: of the webhook's address.
        states: steps that are told.
    """

    client: Client
    states: frozenset[str]
    poll: float | None = None

    def wants(self, step: Step) -> bool:
        """The states that it is to be told of."""
        return step["state"] in self.states

    def send(self, step: Step) -> Word | None:
        """Post a message."""
        answer = self.client.ask("POST", "", {"text": text_of(step)})
        if answer.status != 200:
            raise RefusedError(f"Slack refuses: {answer.status}: {answer.text}")
        return None

    def look(self, step: Step) -> Word | None:  # noqa: ARG002 - there is nothing to look at
        """Nothing."""
        return None


def text_of(step: Step) -> str:
    """The message, with what Slack takes for markup escaped."""
    sign = SIGNS.get(step["state"], ":arrows_counterclockwise:")
    what = f"{step['action']} of {step['model']}{' version ' + step['version'] if step['version'] else ''}"
    lines = [f"{sign} *{_plain(what)}*: {step['state'].replace('_', ' ')}", _plain(step["reason"])]
    if step["state"] == "awaiting_approval":
        lines.append(f"`driftgauge action approve {step['id'][:12]}` before {step['complete_by']}")
    detail = (step.get("outcome") or {}).get("detail")
    return "\n".join([*lines, *([_plain(detail)] if detail else [])])


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
