"""What is shown of the running monitor."""
