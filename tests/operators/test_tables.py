import dataclasses
import pickle

import numpy as np
import pytest

from operators.tables import Kind, Table, part_of

GROUPS = (("1", ""), ("1", "country=de"), ("2", ""))
VALUE = np.arange(6.0).reshape(3, 2)
COUNT = np.arange(6).reshape(3, 2)


@pytest.mark.parametrize("baseline", [None, VALUE / 2])
def test_a_part_is_the_table_of_its_groups(baseline: np.ndarray | None) -> None:
    """Field by field what a table of these groups alone would be, also after a pickle."""
    more = (("", "none", ""), ("own", "fixed", "own"), ("day", "", "night"))
    whole = Table(Kind.QUALITY, "psi", GROUPS, ("a", "b"), VALUE, VALUE - 1, VALUE - 1, COUNT, baseline, COUNT, *more)
    alone = Table(
        Kind.QUALITY,
        "psi",
        GROUPS[1:],
        ("a", "b"),
        VALUE[1:],
        VALUE[1:] - 1,
        VALUE[1:],
        COUNT[1:],
        None if baseline is None else baseline[1:],
        COUNT[1:],
        *(one[1:] for one in more),
    )
    part = part_of(whole, 1, 3)
    for found in (part, pickle.loads(pickle.dumps(part))):
        for field in dataclasses.fields(Table):
            np.testing.assert_equal(getattr(found, field.name), getattr(alone, field.name))
    assert part_of(whole, 0, 3) is whole
