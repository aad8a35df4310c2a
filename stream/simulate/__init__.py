"""Traffic drawn from a reference."""
