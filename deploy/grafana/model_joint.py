# ruff: noqa: INP001 - scripts beside what they write, no package
"""Features together, the hours that the reference tells apart, and what a prediction costs, on the model page."""

from model_features import MODEL, VERSION
from page import Page
from parts import Query, lines, numbers

NOTHING = " or vector(0)"


def joint(page: Page) -> None:
    """Add the panels."""
    page.row("Features together, seasons, changes since before, cost")
    error, name = "driftgauge_reconstruction_error", "{{feature}} {{metric}} {{baseline}}"
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
    trailing, each = "driftgauge_trailing_drift", "max by (feature, metric, baseline)"
    left_out, excluded = "driftgauge_baseline_slices_left_out", "driftgauge_baseline_slices_excluded_total"
    page.add(
        lines(
            "Of late beside before",
            "Distance of what came of late from what came before, and the least it is beyond doubt; predictions without"
            " a name.",
            [
                Query(f"{each} ({trailing}{{{VERSION}}}){NOTHING}", name),
                Query(f"{each} ({trailing}_bound{{{VERSION}}}){NOTHING}", f"{name} at least"),
            ],
            min=0,
        ),
        14,
        7,
    )
    page.add(
        lines(
            "What came before",
            "Share of each baseline that is there (it is one from 0.9 on), and slices that were left out of it because"
            " they broke a limit of DataQuality: now, and in the last day.",
            [
                Query(f"min by (monitor) (driftgauge_baseline_filled_ratio{{{MODEL}}}){NOTHING}", "{{monitor}} filled"),
                Query(
                    f"max by (monitor) ({left_out}{{{MODEL}}}){NOTHING}",
                    "{{monitor}} left out",
                ),
                Query(
                    f"sum by (monitor) (increase({excluded}{{{MODEL}}}[1d])){NOTHING}",
                    "{{monitor}} left out in a day",
                ),
            ],
            min=0,
        ),
        10,
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
