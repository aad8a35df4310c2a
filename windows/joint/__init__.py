"""Many columns at once: how well each follows from the others, so that a broken relation is seen in intact margins."""
