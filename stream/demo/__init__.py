"""The demo: traffic with a known shift, and the monitor that finds it."""
