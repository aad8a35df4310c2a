"""Topics read and written."""
