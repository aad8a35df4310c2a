"""Entries: what `sources` says of a topic, and of another one that holds the other halves of its messages."""

from __future__ import annotations

from typing import Any

from operators.formats.proposals import answering_settings


def entries(topic: str, settings: dict[str, Any], answers: str | None = None) -> list[dict[str, Any]]:
    """The sources that read them: one of both topics, or one of requests and one of responses."""
    if answers is None:
        return [{"topic": topic, **settings}]
    theirs = answering_settings(settings)
    if theirs == settings:
        return [{"topics": [topic, answers], **settings}]
    return [{"topic": topic, **settings}, {"topic": answers, **theirs}]
