"""Looks at topics before anything is configured: what is in them, and what a config may begin with."""
