"""What forecasts of need have come to: read from evaluations, learnt from, and explained."""
