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


class Names:
    """Gives the name that predictions of a version and a cohort count under.

    What it remembers beside `named` follows from it: none of the versions can be forgotten yet by what is known up to
    some cohort. Without it each version of a flood would go through all that are told apart.

    Args:
        named: is updated.
        most: versions told apart at once.
        reach: cohorts after which no label comes for a prediction any more.
    """

    def __init__(self, named: Named, most: int, reach: int) -> None:
        self.named = named
        self.most = most
        self.reach = reach
        self._newest = NEVER
        self._settled = NEVER

    def __call__(self, version: str, cohort: int) -> str:
        """The name of a cohort of a version."""
        named = self.named
        known = named.versions.get(version)
        if known is None:
            if len(named.versions) >= self.most and max(self._newest, cohort) > self._settled:
                self._forget(cohort)
            if len(named.versions) >= self.most:
                named.unnamed = max(named.unnamed, cohort)
                return OTHER
            known = (named.unnamed + 1, cohort)
            self._settled = NEVER
        since, last = known
        if cohort > last or version not in named.versions:
            named.versions[version] = (since, max(last, cohort))
            self._newest = max(self._newest, cohort)
        return version if cohort >= since else OTHER

    def _forget(self, cohort: int) -> None:
        """Forget the versions that no label can be about any more."""
        versions = self.named.versions
        self._newest = max(last for _, last in versions.values())
        for old in [name for name, (_, last) in versions.items() if last < max(self._newest, cohort) - self.reach]:
            del versions[old]
        self._settled = min((last for _, last in versions.values()), default=NEVER) + self.reach
