"""The JSON form of what is normal of many columns together, and every check on what is read."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from windows.joint.encode import encoding_of
from windows.joint.reconstruct import BINS, LARGEST_WEIGHT, Joint, Method, size_of
from windows.sketches.profile_json import Count, integers, numbers
from windows.sketches.profiles import Profile, ReferenceError_

Weight = Annotated[int, Meta(ge=-LARGEST_WEIGHT, le=LARGEST_WEIGHT)]


class JointWire(msgspec.Struct, forbid_unknown_fields=True):
    """What is normal of many columns as JSON; how they are encoded follows from their profiles."""

    method: Method
    features: list[str]
    weights: list[list[Weight]]
    baselines: list[Annotated[float, Meta(gt=0)]]
    held: list[Count]
    threshold: Annotated[int, Meta(ge=0, le=BINS)]


def joint_to_wire(joint: Joint) -> JointWire:
    """The JSON form."""
    return JointWire(
        joint.method,
        list(joint.features),
        [numbers(row) for row in joint.weights],
        [float(one) for one in joint.baselines],
        numbers(joint.held),
        joint.threshold,
    )


def joint_from_wire(wire: JointWire, profiles: dict[str, Profile]) -> Joint:
    """The model behind its JSON form, checked against the profiles.

    Raises:
        ReferenceError_: it is of other columns, or its shapes do not hold together.
    """
    encoding, places = encoding_of(list(profiles.values()))
    names = [list(profiles)[place] for place in places]
    width = len(wire.features)
    if names != wire.features:
        raise ReferenceError_("joint: its columns are not those of the reference that vary")
    if len(wire.weights) != width or any(len(row) != width for row in wire.weights) or len(wire.baselines) != width:
        raise ReferenceError_(f"joint: {width} columns need weights of {width} by {width} and {width} baselines")
    if len(wire.held) != size_of(width) or wire.held[-1] == 0:
        raise ReferenceError_(f"joint: {len(wire.held)} sums; {size_of(width)} are needed, of a row at least")
    return Joint(
        wire.method,
        tuple(wire.features),
        encoding,
        np.array(wire.weights, dtype=np.int64),
        np.array(wire.baselines, dtype=np.float64),
        integers(wire.held),
        wire.threshold,
    )
