"""Localisation: where a board is suspected of a defect, for people and machines, and how often rightly."""
