"""Settings of the history: what pages and reports remember."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from operators.settings.durations import Millis, from_to
from operators.settings.parts import Settings, Whole, unfit

LEAST_BYTES = 4_194_304


class HistorySettings(Settings):
    """What pages and reports remember, under the state directory; it may be deleted at any time.

    Attributes:
        keep: how long at most; finer times are kept for less.
        max_bytes: of the file; 0 for none, then pages know the last minutes only.
    """

    keep: Annotated[Millis, from_to(3_600_000)] = 365 * 86_400_000
    max_bytes: Annotated[Whole, Field(ge=0, le=1 << 40)] = 1_000_000_000

    @model_validator(mode="after")
    def _none_or_some(self) -> Self:
        if 0 < self.max_bytes < LEAST_BYTES:
            raise unfit("max_bytes", "0, or at least {least} is needed", least=LEAST_BYTES)
        return self
