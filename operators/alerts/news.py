"""News: what of an alert that goes on is worth an update.

A broken feed moves sixty features within hours, and each crosses its limit at a moment of its own. Somebody who was
woken by the first wants to hear that it is ten times as wide, not sixty times that there is one more. So an update is
told of what was not named before in this life of the alert, and at once only where that changes the picture: as many
as were named, or as much evidence as all that was named together. The rest is told together once a day, and the
event that ends it names whatever was part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.alerts.event import MAX_CAUSES, leading, rank

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from operators.findings import Finding

UPDATE_INTERVAL = 300_000
"""Other causes are news at most this often (ms); a higher severity always is."""

GATHER = 86_400_000
"""What is not news by itself is told with the first tick at or after a multiple of this time (ms): midnight, UTC."""


def is_news(
    strongest: Mapping[str, Finding], named: Collection[str], involved: Mapping[str, Finding], told_at: int, now: int
) -> bool:
    """Whether an alert has to be told again because of what it blames.

    The number of times over a life is bounded: each doubles what was named, by number or by evidence (which is capped),
    or comes after another multiple of GATHER.

    Args:
        strongest: subject -> its strongest finding, of those that stand.
        named: subjects that were told already.
        involved: subject -> the strongest finding of it in this life.
        told_at: when the alert was told last, ms.
        now: ms.
    """
    fresh = strongest.keys() - set(named)
    if not fresh:
        return False
    if now // GATHER > told_at // GATHER:
        return True
    if now - told_at < UPDATE_INTERVAL:
        return False
    if len(fresh) >= len(named):
        return True
    known = sum(finding.weight for subject, finding in involved.items() if subject not in fresh)
    return sum(strongest[subject].weight for subject in fresh) >= known


def strongest_of(findings: list[Finding]) -> dict[str, Finding]:
    """Subject -> its strongest finding."""
    of: dict[str, list[Finding]] = {}
    for finding in findings:
        of.setdefault(finding.subject, []).append(finding)
    return {subject: leading(found) for subject, found in of.items()}


def joined(involved: dict[str, Finding], strongest: Mapping[str, Finding]) -> dict[str, Finding]:
    """The strongest finding of each subject over both; of more than an event names the strongest."""
    for subject, finding in strongest.items():
        known = involved.get(subject)
        if known is None or rank(finding) < rank(known):
            involved[subject] = finding
    if len(involved) <= MAX_CAUSES:
        return involved
    kept = sorted(involved.items(), key=lambda one: rank(one[1]))[:MAX_CAUSES]
    return dict(kept)
