"""From a photograph to a board image: same pose, same size, for every product of the line."""
