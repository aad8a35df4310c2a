"""Waiting longer after each failure in a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Seconds: the first wait, the longest, and how long something must have lived to be trusted again."""

    first: float = 0.5
    longest: float = 30.0
    forgiven_after: float = 60.0


class Backoff:
    """Doubles the wait from failure to failure, up to the longest."""

    def __init__(self, policy: BackoffPolicy) -> None:
        self._policy = policy
        self._failures = 0

    def after(self, lived: float) -> float:
        """Seconds to wait after a failure of something that had lived so many seconds."""
        if lived >= self._policy.forgiven_after:
            self._failures = 0
        wait = min(self._policy.longest, self._policy.first * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return wait
