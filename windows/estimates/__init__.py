"""Performance without labels: estimators, their cells and fits, and what they estimate."""
