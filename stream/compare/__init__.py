"""Compare: a new model against the old one on the same held-out rows, before it is deployed."""
