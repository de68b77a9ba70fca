"""A month of nights on a small product line, and what the machinery costs an image."""
