"""Where on a board a person should look: heat map, regions in photograph pixels, and candidates.

Legend: H/W height and width of the board image, Q candidates or suspect places, R regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.alignment.aligners import AlignedBoard
from tasks.alignment.poses import clipped_boxes, inverse, outlines, resizing, upright_boxes
from tasks.candidates.search import Candidates
from tasks.instrument import Measurement
from tasks.localisation.coco import photographed
from tasks.localisation.heat import blended, heat_map
from tasks.localisation.places import HEAT_RANGE
from tasks.localisation.region import PhotographedRegion
from tasks.localisation.regions import regions
from tasks.reporting.overlays import DIFFERENCES, HeatScale, Suspicion
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array


@dataclass(frozen=True, eq=False)
class Suspected:
    """What one board is accused of.

    Heat and regions are of its places where normals are remembered by place, else of its candidates; these
    lie on mask times difference where there is a mask. `scale` says what the heat is and what is hot.
    """

    candidates: Candidates
    heat_HW: Float32Array
    regions: tuple[PhotographedRegion, ...]
    scale: HeatScale

    @classmethod
    def on(
        cls,
        made: AlignedBoard,
        photograph_hw: tuple[int, int],
        measured: Measurement,
        mask_HW: Float32Array | None,
    ) -> Suspected:
        """Cluster what is suspect and lead it back through the pose into the photograph.

        NoAnswerError where nothing can be ranked, because a value is not finite.
        """
        found, difference_HW = measured.plain, measured.difference_HW
        if measured.masked is not None and mask_HW is not None:
            found, difference_HW = measured.masked, mask_HW * measured.difference_HW
        height, width = difference_HW.shape
        accused = _by_place(measured, height, width) or _by_candidates(found, difference_HW)
        suspected = regions(accused.boxes_Q4, accused.scores_Q)
        pose_33 = resizing(photograph_hw, (height, width))
        if made.registration is not None:
            pose_33 = made.registration.pose_33
        boxes_R4 = np.array([region.box for region in suspected], np.int64).reshape(-1, 4)
        outlines_R42 = outlines(inverse(pose_33), boxes_R4)
        boxes = clipped_boxes(upright_boxes(outlines_R42), *photograph_hw)
        return cls(
            found, accused.heat_HW, photographed(suspected, outlines_R42, boxes), accused.scale
        )

    @property
    def picture(self) -> Suspicion:
        """Heat and regions as an overlay shows them, in board pixels."""
        boxes_R4 = [one.region.box for one in self.regions]
        return Suspicion(
            self.heat_HW,
            np.array(boxes_R4, np.int64).reshape(-1, 4),
            np.array([one.region.score for one in self.regions]),
            self.scale,
        )


class _Accused(NamedTuple):
    """What regions are made of, and the heat beside them."""

    boxes_Q4: Int64Array
    scores_Q: Float64Array
    heat_HW: Float32Array
    scale: HeatScale


def _by_place(measured: Measurement, height: int, width: int) -> _Accused | None:
    if measured.places is None:
        return None
    low, top = (measured.places.usual * edge for edge in HEAT_RANGE)
    return _Accused(
        *measured.places.worst(height, width),
        measured.places.heat(height, width),
        HeatScale(low, top, "distance"),
    )


def _by_candidates(found: Candidates, difference_HW: Float32Array) -> _Accused:
    height, width = difference_HW.shape
    heat_HW = blended(heat_map(found.boxes_Q4, found.scores_Q, height, width), difference_HW)
    return _Accused(found.boxes_Q4, found.scores_Q, heat_HW, DIFFERENCES)
