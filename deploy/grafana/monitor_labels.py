# ruff: noqa: INP001 - scripts beside what they write, no package
"""What is kept for labels that may come, on the monitor page."""

from monitor_records import AT
from page import Page
from parts import Query, lines


def kept_for_labels(page: Page) -> None:
    """Add the panels."""
    page.row("Kept for labels")
    page.add(
        lines(
            "Predictions that wait for their labels",
            "In the stores of the join, all shards together. They go when their time to live is over.",
            [Query(f"sum(driftgauge_join_stubs{{{AT}}})", "predictions")],
            min=0,
        ),
        12,
        7,
    )
    page.add(
        lines(
            "Disk space they take",
            "Comes back with the bucket of time that they expire in.",
            [Query(f"sum(driftgauge_join_disk_bytes{{{AT}}})", "stores")],
            "bytes",
            min=0,
        ),
        12,
        7,
    )
