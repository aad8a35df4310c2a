"""Absence: what is in a partition is not given for now, as nobody may read it, or the topic is not there.

A restart would mend nothing: it is waited for, while the watcher says what is missing, and then asked for anew.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from stream.kafka.rights import DENIED

if TYPE_CHECKING:
    from stream.kafka.watcher import Watcher

# The client's public names for its own errors begin with an underscore.
_GONE = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001


class Absence:
    """That of one partition."""

    def __init__(self, watcher: Watcher, partition: int) -> None:
        self._watcher = watcher
        self._partition = partition
        self._denied = False
        self._gone: int | None = None

    def is_told_by(self, code: int) -> bool:
        """Whether an error means that; if so it lasts from now on."""
        if code == DENIED:
            self._denied = True
            self._watcher.deny(self._partition)
        elif code in _GONE:
            self._gone = int(time.time() * 1e3)
        else:
            return False
        return True

    def given(self) -> None:
        """The broker gave something, if only the word that there is nothing more."""
        self._gone = None
        if self._denied:
            self._denied = False
            self._watcher.grant(self._partition)

    def is_over(self) -> bool:
        """Whether it has ended since this was asked last: the client has to be told to read again."""
        if self._denied and not self._watcher.is_denied(self._partition):
            self._denied = False
            return True
        end = None if self._gone is None else self._watcher.end(self._partition)
        if self._gone is None or end is None or end.asked <= self._gone:
            return False
        self._gone = None
        return True
