"""Bring a photograph into the pose and size of the line's board images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from tasks.alignment.ecc import register_by_ecc
from tasks.alignment.features import register_by_features
from tasks.alignment.fiducials import register_by_fiducials
from tasks.alignment.frame import Reference
from tasks.alignment.photometry import photometric
from tasks.alignment.poses import is_plausible, overlap
from tasks.alignment.registration import LOOK, MisalignedError, Registration
from tasks.alignment.resampling import Reductions, resize_by_area, warp_by_area
from tasks.alignment.residuals import measure_agreement
from tasks.alignment.settings import (
    AlignmentSettings,
    EccAlignment,
    FeatureAlignment,
    FiducialAlignment,
    NoAlignment,
    RegisteringSettings,
)
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True, eq=False)
class AlignedBoard:
    """A board image `uint8 [side, side, C]`; `registration` is None where nothing is registered."""

    board_HWC: UInt8Array
    registration: Registration | None


def align(
    photograph_HWC: UInt8Array, settings: AlignmentSettings, reference: Reference | None
) -> AlignedBoard:
    """Board image of one photograph `uint8 [H, W, C]`.

    A photograph beyond the line's limits is a `MisalignedError`: it has no board image. A missing
    reference is an `InputError`.
    """
    if isinstance(settings, NoAlignment):
        board_HWC = resize_by_area(photograph_HWC, settings.side_px)
        return AlignedBoard(photometric(board_HWC, settings.photometry, None), None)
    if reference is None:
        raise InputError(
            f"Alignment {settings.kind!r} needs a reference, and there is none.",
            "Build the line's reference before its boards are aligned.",
        )
    photograph = Reductions(photograph_HWC)
    registration = _registered(photograph, settings, reference)
    refuse_misaligned(registration, settings)
    return AlignedBoard(_warped(photograph, registration, settings, reference), registration)


def register(
    photograph_HWC: UInt8Array, settings: RegisteringSettings, reference: Reference
) -> Registration:
    """Find where a photograph lies, and measure how well that agrees with the reference.

    No pose at all is a `MisalignedError`. A pose is not yet a good one: see `refuse_misaligned`.
    """
    return _registered(Reductions(photograph_HWC), settings, reference)


def _registered(
    photograph: Reductions, settings: RegisteringSettings, reference: Reference
) -> Registration:
    photograph_HWC = photograph.photograph_HWC
    _refuse_unlike(photograph_HWC, settings, reference)
    working_HW = reference.working(photograph)
    to_reference_33 = _found_pose(photograph_HWC, working_HW, settings, reference)
    if not is_plausible(to_reference_33, *reference.size_hw):
        raise MisalignedError("The pose that was found is not one a board can have.", LOOK)
    pose_33 = reference.to_board_33 @ to_reference_33
    agreement = measure_agreement(working_HW, to_reference_33, reference)
    return Registration(
        pose_33=pose_33,
        residual_px=agreement.residual_px,
        overlap=overlap(pose_33, photograph_HWC.shape[:2], settings.side_px),
        confidence=agreement.confidence,
    )


def _found_pose(
    photograph_HWC: UInt8Array,
    working_HW: UInt8Array,
    settings: RegisteringSettings,
    reference: Reference,
) -> Float64Array:
    """Pose that takes photograph px to px of the reference photograph."""
    match settings:
        case FiducialAlignment():
            return register_by_fiducials(photograph_HWC, settings, reference)
        case EccAlignment():
            return register_by_ecc(working_HW, settings, reference)
        case FeatureAlignment():
            return register_by_features(working_HW, settings, reference)
        case _:
            assert_never(settings)


def _refuse_unlike(
    photograph_HWC: UInt8Array, settings: RegisteringSettings, reference: Reference
) -> None:
    """Refuse a reference of another size or colour, and a photograph too small to reduce."""
    board_hwc = (settings.side_px, settings.side_px, photograph_HWC.shape[2])
    marks = len(settings.marks) if isinstance(settings, FiducialAlignment) else 0
    if reference.board_HWC.shape != board_hwc or len(reference.templates) != marks:
        raise InputError(
            f"The reference, a board image of {reference.board_HWC.shape} with "
            f"{len(reference.templates)} marks, was made for other settings.",
            "Build the line's reference again.",
        )
    if 2 * min(photograph_HWC.shape[:2]) < min(reference.size_hw):
        raise MisalignedError(
            f"A photograph of {photograph_HWC.shape[0]} x {photograph_HWC.shape[1]} px cannot show the "
            f"board of a reference of {reference.height_px} x {reference.width_px} px.",
            "Check the camera's settings.",
        )


def refuse_misaligned(registration: Registration, settings: RegisteringSettings) -> None:
    """Raise a `MisalignedError` that names every limit a registration breaks; NaN breaks it."""
    limits = settings.limits
    broken = []
    if not registration.residual_px <= limits.residual_px:
        broken.append(f"residual {registration.residual_px:.2f} px (limit {limits.residual_px:g})")
    if not registration.overlap >= limits.overlap:
        broken.append(f"overlap {registration.overlap:.2f} (at least {limits.overlap:g})")
    if not registration.confidence >= limits.confidence:
        broken.append(f"confidence {registration.confidence:.2f} (at least {limits.confidence:g})")
    if broken or not np.isfinite(registration.pose_33).all():
        figures = ", ".join(broken) or "a pose that is not finite"
        raise MisalignedError(f"The board is not aligned: {figures}.", LOOK, registration)


def board_image(
    photograph_HWC: UInt8Array,
    registration: Registration,
    settings: RegisteringSettings,
    reference: Reference,
) -> UInt8Array:
    """Board image `uint8 [side, side, C]` of a registered photograph, photometry included."""
    return _warped(Reductions(photograph_HWC), registration, settings, reference)


def _warped(
    photograph: Reductions,
    registration: Registration,
    settings: RegisteringSettings,
    reference: Reference,
) -> UInt8Array:
    board_HWC = warp_by_area(photograph, registration.pose_33, settings.side_px, reference.size_hw)
    return photometric(board_HWC, settings.photometry, reference.board_HWC)
