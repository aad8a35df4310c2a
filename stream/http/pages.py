"""Answers of pages that are not of this server itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus  # noqa: TC003 - for dataclasses


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; `headers` beside those of every answer."""

    status: HTTPStatus
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Site = Callable[[str], Answer | None]
"""Path with query -> the answer; None where there is no such page."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is posted.

    Attributes:
        path: with query.
        headers: by their names in lower case; without Authorization.
        body: as it came.
        admitted: whether `http.auth` lets the sender in.
        protected: whether there is any `http.auth`.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    admitted: bool
    protected: bool


Posts = Callable[[Post], Answer | None]
"""What is posted -> the answer; None where nothing is taken."""
