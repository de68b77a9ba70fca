"""Verbs (the modules here) and nouns (the rooms beneath)."""
