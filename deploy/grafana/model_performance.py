# ruff: noqa: INP001 - scripts beside what they write, no package
"""How well the model does, on the model page."""

from model_features import WINDOW
from page import Page
from parts import Query, lines


def performance(page: Page) -> None:
    """Add the panels."""
    page.row("Performance")
    estimated = f'{{{WINDOW}, metric=~"estimated_.+"}}'
    page.add(
        lines(
            "Estimated performance",
            "Without labels: from scores calibrated on the reference's labelled rows. Blind to concept drift.",
            [
                Query(f"min by (metric) (driftgauge_performance{estimated})", "{{metric}}"),
                Query(f"min by (metric) (driftgauge_performance_lower{estimated})", "{{metric}} at least"),
                Query(f"max by (metric) (driftgauge_performance_upper{estimated})", "{{metric}} at most"),
            ],
            decimals=3,
        ),
        24,
        8,
    )
