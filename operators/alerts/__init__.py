"""Findings become alerts with a life."""
