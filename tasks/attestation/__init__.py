"""Scores and labels of any tool, as a file has them: read, checked, and recognised again."""
