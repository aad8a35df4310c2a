"""What a user may say of a model."""
