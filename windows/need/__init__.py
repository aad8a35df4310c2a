"""Whether a model will need retraining: how its headline metric moves, and what that says of the time to come."""
