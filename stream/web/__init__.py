"""The live page, its JSON, and the report: what is measured, for people who look before they read."""
