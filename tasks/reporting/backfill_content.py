"""What the page of a backfill shows, as plain frozen values.

Legend: H height, W width, C channels, Q candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PicturedBoard:
    """A board image uint8; boxes and their scores are None where it was not measured."""

    input_HWC: NDArray[np.uint8]
    boxes_Q4: NDArray[np.int64] | None = None
    box_scores_Q: NDArray[np.floating[Any]] | None = None


@dataclass(frozen=True, eq=False)
class BackfillContent:
    """The comparison as JSON has it, and pictures by image id of the boards to look at first.

    `boxes_by` says in words which bundle's candidates are drawn.
    """

    title: str
    created_at: str
    figures: Mapping[str, Any]
    pictures: Mapping[str, PicturedBoard] = field(default_factory=dict)
    boxes_by: str = ""
