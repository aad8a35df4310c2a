"""Anomalies: relations that broke, each told once, and with the feature that the other one no longer goes with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from windows.segments import WHOLE

if TYPE_CHECKING:
    from operators.findings import Finding
    from windows.predictions.layout import Layout

Partners = Mapping[str, tuple[str, ...]]
"""Feature -> the features that it is mostly told from, the largest weight first; in the order of the tables."""

ANOMALY, DRIFT = "Anomaly", "DataDrift"


def partners_of(layout: Layout) -> Partners:
    """Those of a model; none where its features are watched one by one."""
    if layout.joint is None:
        return {}
    joint = layout.joint.joint
    return {feature: joint.partners(feature) for feature in joint.features}


def told_once(findings: list[Finding], partners: Partners) -> list[Finding]:
    """The findings without what follows from drift that is told already.

    A feature that drifted by itself is unlike what the others say of it, and so are those that are mostly told from it.
    """
    if not any(finding.alert == ANOMALY for finding in findings):
        return findings
    drifted = {(one.version, one.feature) for one in findings if one.alert == DRIFT and one.segment == WHOLE}
    kept = [one for one in findings if one.alert != ANOMALY or not one.feature or not _follows(one, partners, drifted)]
    broken = {(one.version, one.feature) for one in kept if one.alert == ANOMALY and one.feature}
    return [
        _with_partner(one, partners, broken)
        for one in kept
        if one.alert != ANOMALY or one.feature or _stands_alone(one, broken, drifted)
    ]


def _follows(finding: Finding, partners: Partners, drifted: set[tuple[str, str]]) -> bool:
    related = (finding.feature, *partners.get(finding.feature, ())[:1])
    return any((finding.version, feature) in drifted for feature in related)


def _stands_alone(finding: Finding, broken: set[tuple[str, str]], drifted: set[tuple[str, str]]) -> bool:
    """Whether what is true of all features together is more than what drifted."""
    version = finding.version
    return any(one == version for one, _ in broken) or not any(one == version for one, _ in drifted)


def _with_partner(finding: Finding, partners: Partners, broken: set[tuple[str, str]]) -> Finding:
    if finding.alert != ANOMALY or not finding.feature:
        return finding
    others = (one for one in partners.get(finding.feature, ()) if (finding.version, one) in broken)
    return replace(finding, partner=next(others, ""))
