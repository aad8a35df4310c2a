"""What follows from settings and reference, derived once."""
