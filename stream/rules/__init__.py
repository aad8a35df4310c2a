"""Prometheus rules that follow from a config."""
