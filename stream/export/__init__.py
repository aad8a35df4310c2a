"""Exports: what the topics hold, as files that a training can read."""
