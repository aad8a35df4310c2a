"""Errors between two keys of one mapping, told at the key that is wrong.

Settings find them when the mapping is complete, so pydantic names the mapping. Their messages begin with the key ("keep
of at least label_delay: ..."), or the error's context has its path within the mapping as `at`.
"""

import re
from collections.abc import Callable

from pydantic_core import ErrorDetails

from stream.problems import KeyPath

_AT_KEY = re.compile(
    r"(?P<key>\w+) (?:of )?(?P<need>(?:levels )?(?:at least|above|below) (?:[\w ]+ )?(?P<other>\w+))(?P<why>: .*)?"
)

_IN_FULL = {
    "a minor level that is not above the major level": ("minor", "at most major{major} is needed"),
    "baseline: trailing, for trailing is the length of that period": (
        "trailing",
        "`baseline: trailing` is needed beside it: this is the length of it",
    ),
}
"""Message -> key, and what is allowed; {major} stands for what the key major has."""


def told_at_key(detail: ErrorDetails, shown: Callable[[str], str]) -> tuple[KeyPath, str] | None:
    """Where in the mapping the wrong key is, and what it needs; None for an error of the mapping as a whole.

    Args:
        detail: pydantic's error.
        shown: what another key of the mapping has, for showing, such as " (72h)"; empty for what is no key.
    """
    message = detail["msg"]
    at = (detail.get("ctx") or {}).get("at")
    if at is not None:
        return at, message
    if message in _IN_FULL:
        key, allowed = _IN_FULL[message]
        return (key,), allowed.format(major=shown("major"))
    match = _AT_KEY.fullmatch(message)
    if match is None:
        return None
    verb = "are" if match["need"].startswith("levels") else "is"
    return (match["key"],), f"{match['need']}{shown(match['other'])} {verb} needed{match['why'] or ''}"
