"""Settings of what survives a crash, and of the processes that keep it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from operators.settings.durations import Millis, from_to
from operators.settings.parts import Settings, Whole


class StateSettings(Settings):
    """Where recovery state is kept, and how often it is made durable.

    Attributes:
        directory: relative to the config file.
        epoch: how often state is snapshotted.
        recovery_partitions: files the state is spread over; fixed when the directory is created.
    """

    directory: Path = Path("./state")
    epoch: Annotated[Millis, from_to(100, 60_000)] = 1_000
    recovery_partitions: Annotated[Whole, Field(ge=1, le=64)] = 4


class WorkersSettings(Settings):
    """The dataflow processes.

    Attributes:
        replace_after: how long one may give no sign of life until all start anew from the state.
    """

    replace_after: Annotated[Millis, from_to(10_000, 3_600_000)] = 120_000
