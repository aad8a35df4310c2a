"""Edges: which references mean the same by a count, and what tells others apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import categorical, click

from windows.references.edges import edge_differences, edges_id
from windows.references.reference import Reference, seal
from windows.values import Reading

if TYPE_CHECKING:
    from collections.abc import Callable


def counted_otherwise(reference: Reference) -> Reference:
    """The same edges, other rows."""
    age: Any = reference.features["age"]
    other = replace(age, counts=age.counts[::-1], coarse=np.array([0, 0, 1, 1]), below=5, missing=5, own=(50.0, 9.0))
    return seal(replace(reference, features={**reference.features, "age": other}))


def of_feature(name: str, **changes: Any) -> Callable[[Reference], Reference]:
    """A reference of which one feature is another."""

    def changed(reference: Reference) -> Reference:
        profile = replace(reference.features[name], **changes)
        return seal(replace(reference, features={**reference.features, name: profile}))

    return changed


def test_other_counts_are_the_same_edges() -> None:
    """Whatever the rows were: windows live on, and either can be compared with them."""
    other = counted_otherwise(click())
    assert other.id != click().id
    assert edges_id(other) == edges_id(click())
    assert list(edge_differences(click(), other)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of_feature("age", edges=np.array([18.0, 30.0, 45.0, 61.0, 99.0])), "feature 'age' has other edges"),
        (of_feature("age", center=41.0), "feature 'age' has other edges"),
        (of_feature("age", scale=14.0), "feature 'age' has other edges"),
        (of_feature("country", categories=("fr", "de", "us")), "feature 'country' has other edges or categories"),
        (lambda one: replace(one, features={**one.features, "age": categorical("abc", [1, 2, 3])}), "feature 'age'"),
        (lambda one: replace(one, features={"age": one.features["age"]}), "feature 'clicks' is in only one of them"),
        (lambda one: replace(one, readings={"age": Reading(("?",), None)}), "feature 'age' is read otherwise"),
        (lambda one: replace(one, prediction=None), "only one of them has predictions"),
        (lambda one: replace(one, prediction=one.features["age"]), "the prediction has other edges"),
        (lambda one: replace(one, positions=("no", "yes")), "names for the positions"),
    ],
    ids=["edges", "center", "scale", "order", "kind", "fewer", "reading", "none", "prediction", "positions"],
)
def test_what_a_count_means_is_told_apart(change: Callable[[Reference], Reference], said: str) -> None:
    """Bins, their order, what moments are taken about, how values are read; in words that name the column."""
    other = change(click())
    assert edges_id(other) != edges_id(click())
    assert said in next(iter(edge_differences(click(), other)))


def test_another_models_reference_is_said_to_be_that() -> None:
    """And nothing else of it."""
    assert list(edge_differences(click(), click("other"))) == ["it is of model 'other', not of 'click'"]
