"""Reporting: what a person sees of a product line, as one file that needs no network."""
