"""The synthetic product of the truth table: boards, their true poses, the aligners that find them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tasks.alignment.frame import Reference
from tasks.alignment.poses import transform
from tasks.alignment.reference import build_reference
from tasks.alignment.settings import (
    EccAlignment,
    FeatureAlignment,
    FiducialAlignment,
    Mark,
    RegisteringSettings,
)
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import BoardDesign, design_board
from tasks.synthesis.rendering import SyntheticPhotograph, render_board
from tasks.synthesis.settings import BoardDesignSettings, LightingSettings, PerturbationSettings
from tasks.vocabulary.arrays import Float64Array

SIDE_PX, SEARCH_PX, MEDIAN_OF = 512, 60, 15
REFERENCE_BOARDS = 900_000
KINDS = ("fiducials", "ecc", "features")
HARSH_LIGHT = LightingSettings(gain=0.2, gradient=0.2, vignette=0.2, colour_cast=0.07)
_LARGEST: dict[str, dict[str, object]] = {
    "nominal": {},
    "shift": {"shift_px": 20},
    "rotation": {"rotation_deg": 3},
    "scale": {"scale": 0.02},
    "blur": {"blur_sigma_px": 2},
    "lighting": {"lighting": HARSH_LIGHT},
    "occluded fiducial": {"occluded_fiducials": 1},
}
ROWS: dict[str, dict[str, object]] = {
    **_LARGEST,
    "everything": {name: value for row in _LARGEST.values() for name, value in row.items()},
}
"""What each row of the table adds to a well-behaved line: the largest deviation either way."""


@lru_cache(maxsize=1)
def design() -> BoardDesign:
    """The product, drawn once a process."""
    return design_board(BoardDesignSettings(height_px=SIDE_PX, width_px=SIDE_PX, fiducials=4))


def board(row: str, number: int) -> SyntheticPhotograph:
    """A board of a row; every second one has a defect."""
    perturbation = PerturbationSettings().model_copy(update=ROWS[row])
    kinds = tuple(DefectKind)
    defects = (kinds[number // 2 % len(kinds)],) if number % 2 else ()
    return render_board(design(), 1_000 * list(ROWS).index(row) + number, defects, perturbation)


@lru_cache(maxsize=1)
def anchor() -> SyntheticPhotograph:
    """The board to which all are brought: the first of the reference."""
    return render_board(design(), REFERENCE_BOARDS)


@lru_cache(maxsize=1)
def aligners() -> dict[str, RegisteringSettings]:
    """One of each kind that registers; marks as the reference's first photograph shows them."""
    radius_px = design().fiducial_radius_px
    marks = tuple(Mark(x_px=x, y_px=y, radius_px=radius_px) for x, y in anchor().fiducials_xy)
    return {
        "fiducials": FiducialAlignment(side_px=SIDE_PX, marks=marks, search_px=SEARCH_PX),
        "ecc": EccAlignment(side_px=SIDE_PX),
        "features": FeatureAlignment(side_px=SIDE_PX),
    }


@lru_cache(maxsize=1)
def references() -> dict[str, Reference]:
    """The median of some normals, as each aligner registers them."""
    normals = [anchor()] + [
        render_board(design(), REFERENCE_BOARDS + number) for number in range(1, MEDIAN_OF)
    ]
    return {
        kind: build_reference((one.pixels_HWC for one in normals), settings)
        for kind, settings in aligners().items()
    }


def error_px(pose_33: Float64Array, photographed_33: Float64Array) -> float:
    """Largest distance of a photographed point of the board from its place, in board px."""
    steps = np.linspace(0, SIDE_PX - 1, 9)
    grid_N2 = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    from_reference_33 = photographed_33 @ np.linalg.inv(anchor().pose_33)
    return float(np.hypot(*(transform(pose_33 @ from_reference_33, grid_N2) - grid_N2).T).max())
