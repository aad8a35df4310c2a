"""What we know of Bytewax's runtime."""
