"""What all rooms share: names of shapes, errors, the base of settings."""
