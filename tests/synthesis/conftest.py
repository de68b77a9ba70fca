"""One small design for all tests of the room."""

from __future__ import annotations

import pytest

from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.settings import BoardDesignSettings


@pytest.fixture(scope="session")
def design() -> BoardDesign:
    """A board of 160 x 190 px with four marks: large enough for every kind of defect."""
    return design_board(BoardDesignSettings(height_px=160, width_px=190, seed=4, fiducials=4))
