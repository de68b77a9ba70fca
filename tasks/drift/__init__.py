"""Whether the boards of today still are those that the champion was certified on."""
