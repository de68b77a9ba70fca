"""How much of a defect does the reconstruction copy through? Rendered boards with clean twins."""
