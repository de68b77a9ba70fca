"""What is watched, and how it is measured on a board image.

Legend: H height, W width, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.vocabulary.arrays import UInt8Array


@dataclass(frozen=True)
class Quantity:
    """One watched figure of a board.

    `low_counts`: values below the certified range are a drift, too. `accepted_only`: watched on boards
    that pass, because defective ones, of which nobody knows how many there are, would move it.
    """

    name: str
    words: str
    unit: str
    low_counts: bool = True
    accepted_only: bool = False


# A registration better than the certified one breaks no assumption. An error below the certified range
# does: a blurred board is easily reconstructed, and so are its defects.
QUANTITIES: tuple[Quantity, ...] = (
    Quantity("residual_px", "registration residual", "board px", low_counts=False),
    Quantity("brightness", "mean brightness", "grey levels"),
    Quantity("spread", "spread of the brightness", "grey levels"),
    Quantity("difference", "reconstruction error", "share of full scale"),
    Quantity("score", "score of accepted boards", "", accepted_only=True),
)
FLAGS = Quantity("flags", "share of flagged boards", "", low_counts=False)

RECONSTRUCTION_ERROR = "image.difference.mean"
"""Column of the metric table that is the reconstruction error."""


def light_of(board_HWC: UInt8Array) -> tuple[float, float]:
    """Mean and standard deviation of all values of a board image, 0 to 255."""
    return float(np.mean(board_HWC, dtype=np.float64)), float(np.std(board_HWC, dtype=np.float64))
