"""True against recovered pose on synthetic boards, everything perturbed at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from tasks.alignment.aligners import refuse_misaligned, register
from tasks.alignment.poses import transform
from tasks.alignment.reference import build_reference
from tasks.alignment.registration import MisalignedError
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
from tasks.synthesis.settings import (
    BoardDesignSettings,
    LightingSettings,
    PerturbationSettings,
)
from tasks.vocabulary.arrays import Float64Array

pytestmark = pytest.mark.slow

SIDE_PX, BOARDS = 512, 16
ROUGH = PerturbationSettings(
    shift_px=20,
    rotation_deg=3,
    scale=0.02,
    blur_sigma_px=2,
    lighting=LightingSettings(gain=0.2, gradient=0.2, vignette=0.2),
    noise_sigma=2,
    occluded_fiducials=1,
)


@lru_cache(maxsize=1)
def design() -> BoardDesign:
    return design_board(BoardDesignSettings(height_px=SIDE_PX, width_px=SIDE_PX, fiducials=4))


@lru_cache(maxsize=1)
def normals() -> list[SyntheticPhotograph]:
    return [render_board(design(), 900 + number) for number in range(9)]


def error_px(pose_33: Float64Array, photographed_33: Float64Array) -> float:
    """Worst distance of a photographed point from its place, in board px (= px of the reference)."""
    steps = np.linspace(0, SIDE_PX - 1, 9)
    grid_N2 = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    from_reference_33 = photographed_33 @ np.linalg.inv(normals()[0].pose_33)
    return float(np.hypot(*(transform(pose_33 @ from_reference_33, grid_N2) - grid_N2).T).max())


def fiducials() -> FiducialAlignment:
    """Marks as the reference photograph shows them."""
    places_N2 = transform(normals()[0].pose_33, design().fiducials_xy)
    marks = tuple(Mark(x_px=x, y_px=y, radius_px=design().fiducial_radius_px) for x, y in places_N2)
    return FiducialAlignment(side_px=SIDE_PX, marks=marks, search_px=60)


@pytest.mark.parametrize(
    ("kind", "median_px"), [("fiducials", 0.1), ("ecc", 0.25), ("features", 0.2)]
)
def test_boards_are_found_and_no_misregistered_one_passes(kind: str, median_px: float) -> None:
    aligners: dict[str, RegisteringSettings] = {
        "fiducials": fiducials(),
        "ecc": EccAlignment(side_px=SIDE_PX),
        "features": FeatureAlignment(side_px=SIDE_PX),
    }
    settings = aligners[kind]
    reference = build_reference((shot.pixels_HWC for shot in normals()), settings)
    errors, passed = [], 0
    for number in range(BOARDS):
        defects = (tuple(DefectKind)[number % len(DefectKind)],) if number % 2 else ()
        shot = render_board(design(), number, defects, ROUGH)
        try:
            registration = register(shot.pixels_HWC, settings, reference)
        except MisalignedError:
            continue
        errors.append(error_px(registration.pose_33, shot.pose_33))
        try:
            refuse_misaligned(registration, settings)
        except MisalignedError:
            continue
        passed += 1
        assert errors[-1] <= settings.limits.residual_px
    assert np.median(errors) < median_px
    assert passed >= BOARDS // 2
