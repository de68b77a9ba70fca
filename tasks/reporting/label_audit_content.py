"""What the section on doubtful labels shows, as plain frozen values.

Legend: H height, W width, C channels, Q candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

AuditReason = Literal[
    "sets the threshold", "low defect", "missed defect", "false call", "no answer"
]
MetricFamily = Literal[
    "image", "pixel", "candidates", "mask", "memory", "places", "embedding", "system"
]


@dataclass(frozen=True, eq=False)
class AuditedBoard:
    """One board whose label is in doubt.

    `input_HWC` is uint8; boxes and their scores are None where the board could not be measured.
    `families` and `metrics` hold what spoke for (above 0) and against abnormal on the classifier's
    own scale; empty where nothing explains the score. `line` is what to add to the relabel file.
    """

    image_id: str
    source_name: str
    role: str
    label: Literal["normal", "abnormal"]
    score: float
    reason: AuditReason
    line: str
    input_HWC: NDArray[np.uint8]
    boxes_Q4: NDArray[np.int64] | None = None
    box_scores_Q: NDArray[np.floating[Any]] | None = None
    defect: str = ""
    families: tuple[tuple[MetricFamily, float], ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class LabelAuditContent:
    """All of them in the order of the audit; `sheet` is the file to fill in, beside the report."""

    boards: tuple[AuditedBoard, ...]
    sheet: str
