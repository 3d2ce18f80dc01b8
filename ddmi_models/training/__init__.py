"""One training loop for both stages and every domain."""
