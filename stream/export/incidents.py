"""Incidents: when the data of a model was bad, by the alerts that were written about it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from operators.settings.alerts import SPOILING
from stream.kafka.latest import tail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import Message

    from stream.config.load import Config

MOST = 10_000_000
"""Alert events of a partition that are looked through."""


class Period(NamedTuple):
    """[since, until) in ms, and why it is left out."""

    since: int
    until: int
    why: str


def incidents_of(config: Config, model: str, until: int) -> list[Period]:
    """The periods of bad data of a model; those that go on last until `until` (ms).

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no topic of alerts.
    """
    heard: list[dict[str, Any]] = []

    def take(message: Message) -> None:
        try:
            event = msgspec.json.decode(message.value() or b"")
        except msgspec.DecodeError:  # not ours
            return
        if isinstance(event, dict) and event.get("model") == model and event.get("alert") in SPOILING:
            heard.append(event)

    tail(config, config.topics.alerts, MOST, keep=1, heard=take)
    return periods_of(heard, until)


def periods_of(events: Iterable[dict[str, Any]], until: int) -> list[Period]:
    """The lives of alerts on bad data, from where their evidence begins; overlapping ones are one."""
    lives: dict[tuple[str, int], Period] = {}
    for event in events:
        if [cause.get("metric") for cause in event["causes"]] == ["blind_ratio"]:
            continue
        key = event["fingerprint"], _ms(event["started_at"])
        names = sorted({cause["feature"] for cause in event["causes"] if cause.get("feature")})
        begins = min(key[1], _ms(event["window"]["start"]))
        known = lives.get(key, Period(begins, until, f"{event['alert']}: {', '.join(names)}"))
        ends = _ms(event["event_time"]) if event["state"] == "resolved" else known.until
        lives[key] = Period(min(known.since, begins), min(known.until, ends), known.why)
    return joined(lives.values())


def joined(periods: Iterable[Period]) -> list[Period]:
    """Periods in the order of time, none of which overlaps another."""
    found: list[Period] = []
    for one in sorted(periods):
        if found and one.since <= found[-1].until:
            last = found[-1]
            why = last.why if one.why in last.why else f"{last.why}; {one.why}"
            found[-1] = Period(last.since, max(last.until, one.until), why)
        else:
            found.append(one)
    return found


def _ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3)
