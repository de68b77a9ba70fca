"""Models trained on normal products only, which redraw every product as if it were normal."""
