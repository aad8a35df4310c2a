"""Names of cohorts: which versions labels are told apart by, so that a version per request costs no more than one.

A revision takes back what was counted before, so a prediction must count under the same name for ever: a version that
is told apart from some cohort on was not before, and one that always was remains so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from windows.segments import OTHER

NEVER = -1


@dataclass(slots=True)
class Named:
    """Versions told apart: the first cohort that is, and the last that occurred. And the last cohort that was not."""

    versions: dict[str, tuple[int, int]] = field(default_factory=dict)
    unnamed: int = NEVER


def name_of(named: Named, version: str, cohort: int, most: int, reach: int) -> str:
    """The name that predictions of a version and a cohort count under.

    Args:
        named: is updated.
        version: its own name.
        cohort: index.
        most: versions told apart at once.
        reach: cohorts after which no label comes for a prediction any more.
    """
    known = named.versions.get(version)
    if known is None:
        if len(named.versions) >= most:
            newest = max(last for _, last in named.versions.values())
            for old in [name for name, (_, last) in named.versions.items() if last < max(newest, cohort) - reach]:
                del named.versions[old]
        if len(named.versions) >= most:
            named.unnamed = max(named.unnamed, cohort)
            return OTHER
        known = (named.unnamed + 1, cohort)
    since, last = known
    named.versions[version] = (since, max(last, cohort))
    return version if cohort >= since else OTHER
