"""Which defects are mixed into the images that a reconstruction learns from, and which judge it."""
