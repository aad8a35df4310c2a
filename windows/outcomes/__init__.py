"""Vectors of labelled predictions, and the metrics of each task computed from them."""
