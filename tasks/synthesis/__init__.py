"""Synthesis: photographs of a circuit board that never existed, with every truth about them known."""
