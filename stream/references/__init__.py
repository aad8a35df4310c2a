"""References built from rows."""
