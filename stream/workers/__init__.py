"""The processes of a monitor."""
