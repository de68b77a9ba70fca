"""Rendered boards of any size and an instrument for them, ready to be timed.

Legend: N boards, H height, W width, C channels.
"""

from __future__ import annotations

import os
from functools import lru_cache

import cv2
import numpy as np
import torch

from tasks.candidates.scales import box_scales
from tasks.candidates.settings import CandidatesSettings
from tasks.instrument import Instrument
from tasks.jobs import InstrumentSettings
from tasks.perception.backbone import Perception, build_perception
from tasks.perception.settings import EfficientNetLite0Settings
from tasks.reconstruction.mean_image import MeanImageReconstructor
from tasks.reconstruction.settings import MeanImageSettings
from tasks.synthesis.defects import DefectKind
from tasks.synthesis.design import design_board
from tasks.synthesis.rendering import SyntheticPhotograph, render_board
from tasks.synthesis.settings import BoardDesignSettings, PerturbationSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.weighting.masks import weighting_mask

PUBLISHED = CandidatesSettings()  # p 100, n 4, α 4, q 250
NORMALS, DEFECTS = 8, 6
STILL = PerturbationSettings(shift_px=0, rotation_deg=0, scale=0)


def pin_threads() -> None:
    """One core, as a worker has."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@lru_cache(maxsize=2)
def boards(side_px: int, channels: int) -> tuple[UInt8Array, UInt8Array]:
    """Normal boards and boards with a defect, `[N, H, W, C]`, in one position."""
    design = design_board(BoardDesignSettings(height_px=side_px, width_px=side_px))
    kinds = tuple(DefectKind)
    normals = [render_board(design, number, (), STILL) for number in range(NORMALS)]
    spoilt = [
        render_board(design, NORMALS + number, (kinds[number],), STILL) for number in range(DEFECTS)
    ]
    return _stacked(normals, channels), _stacked(spoilt, channels)


def _stacked(photographs: list[SyntheticPhotograph], channels: int) -> UInt8Array:
    colour_NHWC = np.stack([photograph.pixels_HWC for photograph in photographs])
    if channels == 3:
        return colour_NHWC
    grey_NHW1: UInt8Array = colour_NHWC.mean(axis=3, keepdims=True).astype(np.uint8)
    return grey_NHW1


@lru_cache(maxsize=1)
def perception() -> Perception:
    """The offline backbone, loaded once."""
    return build_perception(EfficientNetLite0Settings())


def instrument(
    side_px: int, channels: int, candidates: CandidatesSettings, *, masked: bool = True
) -> Instrument:
    """An instrument whose reconstruction is the mean board, with mask and scales of the normals."""
    normals_NHWC, _ = boards(side_px, channels)
    shape = (channels, side_px, side_px)
    reconstructor = MeanImageReconstructor(shape)
    reconstructor.fit(normals_NHWC)
    settings = InstrumentSettings(
        image_shape_CHW=shape,
        reconstruction=MeanImageSettings(),
        perception=EfficientNetLite0Settings(),
        candidate_perception=EfficientNetLite0Settings(),
        candidates=candidates,
        model_key="mean board",
        mask_key="of the normals" if masked else None,
        scales_key="of the normals",
    )
    made = Instrument(reconstructor.eval(), perception(), perception(), None, None, None, settings)
    mask = weighting_mask(np.stack([made.difference(one) for one in normals_NHWC]))
    laid = [made.box_distances(one) for one in normals_NHWC[:4]]
    scales = box_scales([distances for _, distances in laid], [boxes for boxes, _ in laid])
    return Instrument(
        made.reconstructor,
        perception(),
        perception(),
        mask if masked else None,
        scales,
        None,
        settings,
    )
