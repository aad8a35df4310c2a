"""Feedback meets its predictions."""
