"""What is normal: references, and how references of parts are merged."""
