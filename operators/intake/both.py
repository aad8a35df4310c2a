"""Both: a batch of a topic that holds predictions and feedback, read once and decoded as each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operators.dead_letters import DeadLetter
    from operators.intake.decode import Decode, Decoded
    from operators.intake.feedback import DecodeFeedback
    from operators.records import RawBatch


class DecodeBoth:
    """Decodes batches of predictions, and those that hold feedback too. Keeps nothing between batches.

    A record that is a prediction and feedback counts as read as each; one that is neither, or that the filter leaves
    out, is skipped once; one that cannot be read as either is one dead letter.
    """

    def __init__(self, predictions: Decode, feedback: DecodeFeedback) -> None:
        """Decode with these."""
        self.predictions = predictions
        self.feedback = feedback

    def __call__(self, batch: RawBatch) -> Decoded:
        """Decode one batch."""
        decoded = self.predictions(batch)
        if batch.also is None:
            return decoded
        labels = self.feedback(replace(batch, origin=batch.also, also=None))
        dead = _others(labels.dead, decoded.dead)
        neither = len({*decoded.silent} & {*labels.silent})
        labels = replace(labels, skipped=0, tombstones=0, dead=dead, read=labels.read - len(labels.dead) + len(dead))
        return replace(decoded, skipped=decoded.skipped - len(decoded.silent) + neither, feedback=labels)


def _others(letters: tuple[DeadLetter, ...], told: tuple[DeadLetter, ...]) -> tuple[DeadLetter, ...]:
    """The letters about records that those that are `told` are not about."""
    known = Counter((letter.offset, letter.value) for letter in told)
    kept = []
    for letter in letters:
        key = (letter.offset, letter.value)
        if known[key]:
            known[key] -= 1
        else:
            kept.append(letter)
    return tuple(kept)
