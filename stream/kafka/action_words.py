"""Words about actions: what may be said of one, by the actions topic, and the message that says it.

The command line and the HTTP pages say the same words by these.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, get_args

from operators.actions.event import OVER
from operators.settings.actions import ActionName
from operators.settings.durations import show_duration
from stream.errors import UsageError
from stream.kafka.action_log import say, steps_of
from stream.kafka.messages import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.config.load import Config
    from stream.kafka.action_log import Step

FEWEST_DIGITS = 4
"""Of an action's id that name it."""


class UnknownActionError(UsageError):
    """There is no such action, or several."""


class NotNowError(UsageError):
    """What is said does not fit what has become of the action."""


def steps_about(config: Config, number: str) -> list[Step]:
    """The steps of the one action whose id begins so.

    Raises:
        UnknownActionError: there is none, or several begin so.
    """
    if len(number) < FEWEST_DIGITS:
        raise UnknownActionError(f"{number}: at least {FEWEST_DIGITS} digits of an id are needed")
    steps = [step for step in steps_of(config.kafka, config.topics.actions) if step["id"].startswith(number)]
    ids = sorted({step["id"] for step in steps})
    if not ids:
        raise UnknownActionError(
            f"{number}: no such action in {config.topics.actions}; see: driftgauge action list --all"
        )
    if len(ids) > 1:
        raise UnknownActionError(f"{number}: begins {len(ids)} ids, such as {ids[0]} and {ids[1]}")
    return steps


def standing_of(config: Config) -> list[Step]:
    """Every action by its latest step, the one that was requested first in front.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic.
    """
    return latest_of(steps_of(config.kafka, config.topics.actions))


def latest_of(steps: Iterable[Step]) -> list[Step]:
    """The latest step of each action; that it was refused for a while is none where it went on."""
    latest: dict[str, Step] = {}
    for step in steps:
        if step["state"] != "blocked" or step["id"] not in latest:
            latest[step["id"]] = step
    return sorted(latest.values(), key=lambda one: str(one["requested_at"]))


def is_open(step: Step) -> bool:
    """Whether an action whose latest step this is goes on: not over, refused, or only tried."""
    return step["state"] not in {*OVER, "blocked"} and not step["dry_run"]


def open_step(config: Config, number: str) -> Step:
    """The latest step of an action that is not over.

    Raises:
        UnknownActionError: there is none.
        NotNowError: it is over, or was only tried.
    """
    steps = steps_about(config, number)
    last = [step for step in steps if step["state"] != "blocked"][-1:] or steps[-1:]
    if last[0]["dry_run"]:
        raise NotNowError(f"{last[0]['id']} was only tried (actions.mode: dry_run): there is nothing to say of it")
    if last[0]["state"] in {*OVER, "blocked"}:
        raise NotNowError(f"{last[0]['id']} is {last[0]['state']} since {last[0]['event_time']}")
    return last[0]


def refuse_approval(step: Step, now: int) -> None:
    """Refuse to agree to what nobody waits for.

    Raises:
        NotNowError: it is not waited for, or it is too late.
    """
    if step["state"] != "awaiting_approval":
        raise NotNowError(f"{step['id']} is {step['state']}: nobody's agreement is waited for")
    if step["complete_by"] < rfc3339(now):
        raise NotNowError(
            f"{step['id']} was to be done by {step['complete_by']}: too late; ask anew with: action request"
        )


def refuse_request(config: Config, action: str, model: str) -> None:
    """Refuse to ask for what nobody would hear of.

    Raises:
        UsageError: there is no such action or model, or the model asks for none.
    """
    if action not in get_args(ActionName):
        raise UsageError(f"{action}: allowed are {', '.join(get_args(ActionName))}")
    settings = next((one for one in config.models if one.name == model), None)
    if settings is None:
        raise UsageError(f"no model {model!r}: there are {', '.join(one.name for one in config.models[:20])}")
    if config.actions.mode == "off" or not settings.asks:
        raise UsageError(
            f"{config.source}: {model} asks for no actions: `retrain:`, `canary:` or `on:` is needed, and a mode"
        )


def about(kind: str, step: Step, **more: Any) -> dict[str, Any]:
    """What is to be said of an action."""
    return {"kind": kind, "model": step["model"], "action": step["id"], **more}


def write(
    config: Config, said: dict[str, Any], *, by: str, reason: str, now: int, number: str | None = None
) -> dict[str, Any]:
    """Say it on the control topic, and return it as it was written. `number` is its id: the same again is no news.

    Raises:
        Unreachable: the broker does not take it.
    """
    message = {
        "id": number or str(uuid.uuid4()),
        **{name: value for name, value in said.items() if value is not None},
        "timestamp": rfc3339(now),
        "by": by,
        "reason": reason,
    }
    say(config.kafka, config.topics.control, message)
    return message


def counts_within(config: Config) -> str:
    """How long it takes, by the clocks of the topics, until a word counts."""
    return show_duration(config.time.lateness + config.time.pane)


def now_ms() -> int:
    """The time of day, ms."""
    return int(dt.datetime.now(dt.UTC).timestamp() * 1e3)
