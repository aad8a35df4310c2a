"""How late the labels of tables come: a model that judges before they do judges without them."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from operators.records import Topic
from operators.settings.durations import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.config.load import Config
    from stream.replay.tables import TableLane

MOST = 200_000
"""Predictions, and labels, that are looked at: the first of the files."""
FEWEST = 30
SLOW = 0.95
MINUTE, HOUR = 60_000, 3_600_000


def delay_note(config: Config, lanes: Sequence[TableLane]) -> Iterator[str]:
    """What to say where most labels come later than the only model waits for them."""
    performance = config.models[0].performance if len(config.models) == 1 else None
    served = [lane for lane in lanes if lane.holds == Topic.PREDICTIONS]
    told = [lane for lane in lanes if lane.holds == Topic.FEEDBACK]
    if performance is None or not served or not told:
        return
    begun = dict(islice(chain.from_iterable(lane.moments() for lane in served), MOST))
    labels = islice(chain.from_iterable(lane.moments() for lane in told), MOST)
    delays = np.array([at - begun[name] for name, at in labels if name in begun])
    if len(delays) < FEWEST:
        return
    usual, slow = np.quantile(delays, [0.5, SLOW])
    if slow <= performance.label_delay:
        return
    kept = performance.kept_for
    lost = f", and those later than {show_duration(kept)} find no prediction any more" if slow > kept else ""
    waits = show_duration(performance.label_delay)
    yield (
        f"labels come {_rounded(usual)} after their predictions ({SLOW:.0%} of them within {_rounded(slow)}), and"
        f" performance.label_delay is {waits}: what is judged by then lacks them{lost};"
        f" --set models.0.performance.label_delay={_rounded(slow)} waits for them"
    )


def _rounded(delay: float) -> str:
    """A duration of whole hours, or of whole minutes where it is short; never less."""
    unit = HOUR if delay > HOUR else MINUTE
    return show_duration(int(-(-delay // unit)) * unit)
