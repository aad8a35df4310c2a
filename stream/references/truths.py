"""Columns that say true and false in words here and as 1 and 0 there, as tables that were put together do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.references.frames import PREDICTION
from windows.values import TRUTHS

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.references.plan import Plan
    from stream.references.scan import Scan

NOTE = "true or false: 1 is read as true, and 0 as false"


def with_truths(plan: Plan, scan: Scan) -> Plan:
    """The plan that reads such columns as the booleans that they are; `scan` has them as that, too.

    A service that sends one of the two spellings would else have categories that never come again. Whatever file of a
    directory has which spelling, and however late in it the other one comes, the first pass has seen both.
    """
    if plan.like is not None:  # its categories are the ones that are told apart
        return plan
    read = dict(plan.read)
    for scans in (scan.categorical, scan.segments):
        for name, found in list(scans.items()):
            column = plan.roles["prediction"] if name == PREDICTION else name
            if column in read and mixed(found.candidates()):
                scans[name] = found.renamed(TRUTHS)
                read[column] = replace(read[column], truth=True, note=NOTE)
    return replace(plan, read=read)


def mixed(names: Collection[str]) -> bool:
    """Whether these are words and numbers for truth, and nothing else."""
    found = set(names)
    return found <= {*TRUTHS, *TRUTHS.values()} and bool(found & TRUTHS.keys()) and not found <= TRUTHS.keys()
