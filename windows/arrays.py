"""Names for the array types used on every floor."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Counts = IntArray | FloatArray
"""Rows in the slots of histograms: of mixtures they are no whole numbers."""
