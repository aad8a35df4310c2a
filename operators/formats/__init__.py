"""Bytes become typed records."""
