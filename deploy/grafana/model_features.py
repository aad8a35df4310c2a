# ruff: noqa: INP001 - scripts beside what they write, no package
"""The features of the model page: which have moved, by how much, since when, which are missing or old."""

from page import Page
from parts import Column, Json, Query, bars, heat, lines, table

MODEL = 'model="$model"'
VERSION = f'{MODEL}, version=~"$version"'
PART = f'{VERSION}, segment=~"$segment"'
WINDOW = f'{PART}, window="$window"'
SERVICE = f'{VERSION}, window="$window"'
NAMES = {"psi": "PSI", "ks": "KS"}


def features(page: Page) -> None:
    """Add their panels."""
    page.row("Features against the reference")
    for metric, name in NAMES.items():
        bound = f'driftgauge_feature_drift_bound{{{WINDOW}, metric="{metric}"}}'
        limit = f'max by (model) (driftgauge:threshold{{{MODEL}, monitor="drift.{metric}"}})'
        page.add(
            heat(
                f"{name} over time, as a share of the limit",
                "A row a feature: the lower confidence bound of its distance. Green is nothing, red is past the limit.",
                Query(
                    f"clamp_min(max by (model, feature) ({bound}) / on (model) group_left () {limit}, 0)", "{{feature}}"
                ),
                0,
                1.5,
                "percentunit",
            ),
            12,
            10,
        )
    for metric, name in NAMES.items():
        bound = f'driftgauge_feature_drift_bound{{{WINDOW}, metric="{metric}"}}'
        page.add(
            bars(
                f"{name}, worst first",
                "Lower confidence bound of the twenty features that moved most.",
                [Query(f"sort_desc(topk(20, clamp_min(max by (feature) ({bound}), 0)))", "{{feature}}", "now")],
                decimals=3,
            ),
            8,
            9,
        )
    page.add(
        lines(
            "Limits and the worst feature",
            "The bound that alerts are decided on, by metric, with the limits of the config.",
            [
                Query(f"max by (metric) (driftgauge_feature_drift_bound{{{WINDOW}}})", "{{metric}}"),
                Query(
                    f'max by (metric, level) (driftgauge:threshold{{{MODEL}, monitor=~"drift[.].+"}})',
                    "limit {{metric}} {{level}}",
                ),
            ],
            decimals=3,
        ),
        8,
        9,
    )
    page.add(_features(), 24, 9)
    page.add(
        lines(
            "Missing",
            "Share of predictions without the feature; the ten worst.",
            [
                Query(f"topk(10, max by (feature) (driftgauge_feature_missing_ratio{{{VERSION}}}))", "{{feature}}"),
                Query(f'max(driftgauge:threshold{{{MODEL}, monitor="quality.missing"}})', "limit of the increase"),
            ],
            "percentunit",
            min=0,
        ),
        12,
        7,
    )
    page.add(
        lines(
            "Age",
            "Event time since the feature last had a value; the ten oldest.",
            [Query(f"topk(10, max by (feature) (driftgauge_feature_age_seconds{{{VERSION}}}))", "{{feature}}")],
            "s",
            min=0,
        ),
        12,
        7,
    )


def _features() -> Json:
    columns = []
    for metric, name in NAMES.items():
        at = f'{{{WINDOW}, metric="{metric}"}}'
        columns.append(Column(name, f"max by (feature) (driftgauge_feature_drift{at})"))
        columns.append(Column(f"{name} at least", f"max by (feature) (driftgauge_feature_drift_bound{at})"))
    columns += [
        Column("Missing", f"max by (feature) (driftgauge_feature_missing_ratio{{{VERSION}}})", "percentunit"),
        Column("Mismatch", f"max by (feature) (driftgauge_feature_mismatch_ratio{{{VERSION}}})", "percentunit"),
        Column("Age", f"max by (feature) (driftgauge_feature_age_seconds{{{VERSION}}})", "s"),
    ]
    return table(
        "Features",
        "Measured now: the distance, the least it is beyond doubt, missing values, those of another type, and age.",
        {"feature": "Feature"},
        columns,
    )
