"""Alerts straight to Alertmanager."""
