"""Where on a board a person should look: candidates, heat map, and regions in photograph pixels.

Legend: H/W height and width of the board image, Q candidates, R regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.alignment.aligners import AlignedBoard
from tasks.alignment.poses import clipped_boxes, inverse, outlines, resizing, upright_boxes
from tasks.candidates.search import Candidates
from tasks.instrument import Measurement
from tasks.localisation.coco import photographed
from tasks.localisation.heat import blended, heat_map
from tasks.localisation.region import PhotographedRegion
from tasks.localisation.regions import regions
from tasks.reporting.overlays import Suspicion
from tasks.vocabulary.arrays import Float32Array


@dataclass(frozen=True, eq=False)
class Suspected:
    """What one board is accused of; on mask times difference where there is a mask."""

    candidates: Candidates
    heat_HW: Float32Array
    regions: tuple[PhotographedRegion, ...]

    @classmethod
    def on(
        cls,
        made: AlignedBoard,
        photograph_hw: tuple[int, int],
        measured: Measurement,
        mask_HW: Float32Array | None,
    ) -> Suspected:
        """Cluster the candidates and lead them back through the pose into the photograph."""
        found, difference_HW = measured.plain, measured.difference_HW
        if measured.masked is not None and mask_HW is not None:
            found, difference_HW = measured.masked, mask_HW * measured.difference_HW
        height, width = difference_HW.shape
        suspected = regions(found.boxes_Q4, found.scores_Q)
        pose_33 = resizing(photograph_hw, (height, width))
        if made.registration is not None:
            pose_33 = made.registration.pose_33
        boxes_R4 = np.array([region.box for region in suspected], np.int64).reshape(-1, 4)
        outlines_R42 = outlines(inverse(pose_33), boxes_R4)
        boxes = clipped_boxes(upright_boxes(outlines_R42), *photograph_hw)
        heat_HW = heat_map(found.boxes_Q4, found.scores_Q, height, width)
        return cls(
            found,
            blended(heat_HW, difference_HW),
            photographed(suspected, outlines_R42, boxes),
        )

    @property
    def picture(self) -> Suspicion:
        """Heat and regions as an overlay shows them, in board pixels."""
        boxes_R4 = [one.region.box for one in self.regions]
        return Suspicion(
            self.heat_HW,
            np.array(boxes_R4, np.int64).reshape(-1, 4),
            np.array([one.region.score for one in self.regions]),
        )
