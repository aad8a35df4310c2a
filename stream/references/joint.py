"""What is normal of a reference's features together, learnt from a sample of the rows in a pass of its own."""

from dataclasses import dataclass, replace

import numpy as np

from stream.references.count import CategorySlots
from stream.references.frames import frames
from stream.references.plan import Plan
from stream.references.sample import RowSample
from stream.rows.columns import Rows
from windows.joint.fit import FEWEST_ROWS, fit
from windows.references.reference import Reference
from windows.sketches.profiles import CategoricalProfile, NumericProfile


@dataclass(frozen=True, slots=True)
class Together:
    """A reference that knows its features together, and what to say of that."""

    reference: Reference
    notes: tuple[str, ...]


def with_joint(rows: Rows, plan: Plan, bare: Reference) -> Together:
    """The reference with what its features say of each other; as it was where that is not asked for or cannot be."""
    asked = plan.joint
    if asked is None:
        return Together(bare, ())
    numeric = [name for name, profile in bare.features.items() if isinstance(profile, NumericProfile)]
    named = {
        name: CategorySlots(list(profile.categories))
        for name, profile in bare.features.items()
        if isinstance(profile, CategoricalProfile)
    }
    sample = RowSample([*numeric, *named])
    for frame in frames(rows, plan):
        columns = [frame.numeric[name] for name in numeric]
        columns += [slots(frame.categorical[name]).astype(np.float64) for name, slots in named.items()]
        sample.add(np.stack(columns))
    matrix = sample.matrix()
    order = np.random.Generator(np.random.PCG64(20_240_229)).permutation(matrix.shape[1])
    matrix = matrix[:, order]
    cut = len(numeric)
    joint = fit(bare.features, matrix[:cut], matrix[cut:].astype(np.int64), asked.method, asked.quantile)
    if joint is None:
        few = f"{FEWEST_ROWS} rows and two features that vary are needed"
        return Together(bare, (f"features are not watched together: {few}",))
    note = f"{joint.width} features are told from each other ({asked.method}), learnt from {len(order):,} rows"
    return Together(replace(bare, joint=joint), (note,))
