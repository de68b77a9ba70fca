"""Weighting: how far a pixel's difference is to be trusted, learnt from unseen normals."""
