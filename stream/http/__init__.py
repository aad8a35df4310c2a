"""Pages, and who may see them."""
