"""The flow over what is written already."""
