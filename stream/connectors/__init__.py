"""Connectors: what carries actions out, one file a target, and the courier that goes between them and the topics."""
