"""The JSON form of what is normal of many columns together, and every check on what is read."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from windows.joint.autoencoder import LARGEST_BIAS, LARGEST_WEIGHT, Layer
from windows.joint.encode import encoding_of
from windows.joint.reconstruct import BINS, Joint, JointClass, Method, size_of
from windows.sketches.profile_json import Count, integers, numbers
from windows.sketches.profiles import Profile, ReferenceError_

Weight = Annotated[int, Meta(ge=-LARGEST_WEIGHT, le=LARGEST_WEIGHT)]


Residual = Annotated[int, Meta(gt=-(2**53), lt=2**53)]


class JointClassWire(msgspec.Struct, forbid_unknown_fields=True):
    """What is normal of a class of hours as JSON."""

    residuals: list[Residual]
    held: list[Count]


class LayerWire(msgspec.Struct, forbid_unknown_fields=True):
    """A layer of an autoencoder as JSON."""

    weights: list[list[Weight]]
    bias: list[Annotated[int, Meta(ge=-LARGEST_BIAS, le=LARGEST_BIAS)]]


class JointWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is normal of many columns as JSON; how they are encoded follows from their profiles."""

    method: Method
    features: list[str]
    weights: list[list[Weight]]
    baselines: list[Annotated[float, Meta(gt=0)]]
    held: list[Count]
    threshold: Annotated[int, Meta(ge=0, le=BINS)]
    classes: list[JointClassWire] = []
    layers: list[LayerWire] = []


def joint_to_wire(joint: Joint) -> JointWire:
    """The JSON form."""
    return JointWire(
        joint.method,
        list(joint.features),
        [numbers(row) for row in joint.weights],
        [float(one) for one in joint.baselines],
        numbers(joint.held),
        joint.threshold,
        [JointClassWire(numbers(one.residuals), numbers(one.held)) for one in joint.classes],
        [LayerWire([numbers(row) for row in one.weights], numbers(one.bias)) for one in joint.layers],
    )


def joint_from_wire(wire: JointWire, profiles: dict[str, Profile], hours: int = 0) -> Joint:
    """The model behind its JSON form, checked against the profiles and the number of classes of hours.

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
        tuple(_classes(wire, hours)),
        tuple(_layers(wire)),
    )


def _layers(wire: JointWire) -> Iterator[Layer]:
    if (wire.method == "autoencoder") != (len(wire.layers) > 1):
        raise ReferenceError_(f"joint: {len(wire.layers)} layers with method {wire.method}; two or more are needed")
    width = len(wire.features)
    for one in wire.layers:
        if any(len(row) != width for row in one.weights) or len(one.bias) != len(one.weights):
            raise ReferenceError_(f"joint: a layer needs {width} weights in a row, and a bias for each row")
        width = len(one.bias)
        yield Layer(np.array(one.weights, dtype=np.int64), np.array(one.bias, dtype=np.int64))
    if width != len(wire.features):
        raise ReferenceError_(f"joint: the last layer gives {width} numbers; {len(wire.features)} are needed")


def _classes(wire: JointWire, hours: int) -> Iterator[JointClass]:
    width = len(wire.features)
    if wire.classes and len(wire.classes) != hours:
        raise ReferenceError_(f"joint: {len(wire.classes)} classes of hours; the reference has {hours}")
    for one in wire.classes:
        if len(one.residuals) != width or len(one.held) != size_of(width) or one.held[-1] == 0:
            raise ReferenceError_(f"joint: a class of hours needs {width} residuals and {size_of(width)} sums of rows")
        yield JointClass(integers(one.residuals), integers(one.held))
