"""Checks of `references:`: whether windows of a version can be compared with a reference of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windows.references.edges import edge_differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import ModelSettings
    from stream.config.problems import ConfigFinding, KeyPath
    from windows.references.reference import Reference

LIKE = "build it with: driftgauge reference build --like"


def references_findings(model: ModelSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    """What is wrong with the keys themselves."""
    if model.references and model.multivariate is not None:
        why = "how features go together is learnt from one reference, so a version with its own would be an Anomaly"
        yield (*at, "references"), "given beside multivariate", f"one of the two must go: {why}"


def version_findings(reference: Reference, own: Reference) -> Iterator[tuple[str, str]]:
    """What is wrong between a model's reference and that of a version: what was given, and what is needed."""
    for said in edge_differences(reference, own):
        yield said, LIKE
    if reference.seasons is not None or own.seasons is not None:
        why = "a reference without a season is needed on both sides: classes of hours are not told apart by version"
        yield "given with a reference of classes of hours", why


def version_lines(model: ModelSettings, reference: Reference) -> Iterator[str]:
    """What `check` says of the references of versions, and of what they do not have."""
    for version, own in reference.versions.items():
        lacks = [] if own.outcomes is not None or reference.outcomes is None else ["labels"]
        lacks += [
            f"{key}={value}"
            for key in model.segments
            for value in reference.segments[key]
            if value not in own.segments.get(key, {})
        ]
        said = f"; without {', '.join(lacks[:5])}{' and more' if len(lacks) > 5 else ''}" if lacks else ""
        notes = []
        if "labels" in lacks:
            notes.append("its performance is compared with the model's reference")
        if len(lacks) > ("labels" in lacks):
            notes.append("its drift in segments that it lacks is not judged")
        if reference.estimator is not None:
            notes.append("estimates before labels come go by the model's reference")
        ends = "".join(f"; {note}" for note in notes)
        yield f"  references: version {version}: {own.rows:,} rows of its own{said}{ends}"
