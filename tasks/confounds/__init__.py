"""What trivial properties alone tell of defects: whether a score could have learned the lamp instead."""
