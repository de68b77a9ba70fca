"""Rivals: other ways to tell defects from normals, judged on the same images as the composite."""
