"""Evaluations become findings."""
