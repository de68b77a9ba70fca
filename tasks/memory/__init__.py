"""What normal boards look like to the backbone: a memory bank of features, and distances to it."""
