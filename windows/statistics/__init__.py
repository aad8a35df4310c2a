"""Distances and means, and how sure they are."""
