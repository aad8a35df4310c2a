"""Performance by the time of the prediction."""
