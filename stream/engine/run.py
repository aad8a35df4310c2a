"""Running a dataflow: the one place that imports Bytewax's private module, for one process and for a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bytewax import _bytewax

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from bytewax.dataflow import Dataflow
    from bytewax.recovery import RecoveryConfig


def run_alone(flow: Dataflow, epoch: dt.timedelta) -> None:
    """Run it in this thread to its end, without recovery."""
    _bytewax.run_main(flow, epoch_interval=epoch)  # type: ignore[no-untyped-call]


def run_in_cluster(
    flow: Dataflow, addresses: Sequence[str], process: int, epoch: dt.timedelta, recovery: RecoveryConfig | None = None
) -> None:
    """Run it in this thread, as a process of those at `addresses`, until it ends or one of its peers does."""
    _bytewax.cluster_main(  # type: ignore[no-untyped-call]
        flow, list(addresses), process, epoch_interval=epoch, recovery_config=recovery
    )
