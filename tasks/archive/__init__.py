"""Archives as they are: where board images come from, how they are decoded, and which role each gets."""
