# ruff: noqa: INP001 - scripts beside what they write, no package
"""Features together, the hours that the reference tells apart, and what a prediction costs, on the model page."""

from model_features import MODEL, VERSION
from page import Page
from parts import Query, lines, numbers

NOTHING = " or vector(0)"


def joint(page: Page) -> None:
    """Add the panels."""
    page.row("Features together, seasons, cost")
    error = "driftgauge_reconstruction_error"
    page.add(
        lines(
            "Told from each other",
            "Error of each feature told from the others, over that of the reference, and the least it is beyond doubt.",
            [
                Query(f"max by (feature) ({error}{{{VERSION}}}){NOTHING}", "{{feature}}"),
                Query(f"max by (feature) ({error}_bound{{{VERSION}}}){NOTHING}", "{{feature}} at least"),
            ],
            min=0,
        ),
        10,
        7,
    )
    page.add(
        lines(
            "Anomalous predictions",
            "Share of predictions whose features fit together worse than nearly all of the reference's.",
            [Query(f"max by (window) (driftgauge_anomalous_ratio{{{VERSION}}}){NOTHING}", "{{window}}")],
            "percentunit",
            min=0,
        ),
        10,
        7,
    )
    page.add(
        numbers(
            "Classes of hours",
            "Hours of the week that the reference tells apart; 1 without a season.",
            [Query(f"max(driftgauge_reference_classes{{{MODEL}}}){NOTHING}", "classes")],
        ),
        4,
        7,
    )
    page.add(
        lines(
            "Cost of a prediction",
            "As predictions say it, in the config's currency; none where less than nine in ten say it.",
            [
                Query(f"max by (window) (driftgauge_cost_per_prediction{{{VERSION}}}){NOTHING}", "{{window}}"),
                Query(f"min by (window) (driftgauge_cost_coverage_ratio{{{VERSION}}}){NOTHING}", "{{window}} known"),
            ],
            min=0,
        ),
        12,
        6,
    )
    page.add(
        lines(
            "Time of a prediction",
            "CPU and GPU time that predictions say they took.",
            [
                Query(
                    f"max by (resource, window) (driftgauge_resource_seconds_per_prediction{{{VERSION}}}){NOTHING}",
                    "{{resource}} {{window}}",
                )
            ],
            "s",
            min=0,
        ),
        12,
        6,
    )
