"""Pages: each a function from what is known to HTML."""
