"""Records become columns and dead letters."""
