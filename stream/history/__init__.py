"""What was measured of late and long ago, for pages and reports; lossy by design, the monitor never waits for it."""
