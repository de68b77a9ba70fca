"""Metrics: what describes how an input and its reconstruction differ, as one row of numbers."""
