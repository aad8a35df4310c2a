"""Vectors of predictions: columns, their layout, how they are folded and compared."""
