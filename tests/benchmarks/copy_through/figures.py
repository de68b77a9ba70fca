"""The figures of one trained reconstructor on boards, twins and masks.

Legend: N normal boards, D defective boards, C channels.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.weighting.masks import weighting_mask
from tests.benchmarks.copy_through.boards import Boards

# Of the Gaussian that the simple score's difference is blurred with.
BLUR_SIGMA_PX = 2.0
CONFIDENCE_Z = 1.96
# Half a grey level: what rounding alone costs.
LEAST_ERROR = 0.5 / 255


class Redrawn:
    """Reconstructions of validation, unseen normals, twins and defective boards, in [0, 1]."""

    def __init__(
        self,
        validation_NHWC: Float32Array,
        normals_NHWC: Float32Array,
        twins_DHWC: Float32Array,
        defective_DHWC: Float32Array,
    ) -> None:
        self.validation_NHWC = validation_NHWC
        self.normals_NHWC = normals_NHWC
        self.twins_DHWC = twins_DHWC
        self.defective_DHWC = defective_DHWC


def figures(boards: Boards, redrawn: Redrawn) -> dict[str, Any]:
    """All figures; means over boards unless they say otherwise.

    `copy_through`: inside the true mask, mean |reconstruction - twin| / mean |input - twin|: 1 where
    the defect is copied wholly, 0 where the good board is drawn. `floor` is the same of the twin's own
    reconstruction: what mere inexactness costs. `transmitted` is free of it: the least-squares share
    of the defect in the difference of the two reconstructions, <R(x) - R(twin), x - twin> /
    |x - twin|². `contrast`: mean difference inside the mask over that in the same places on normals.
    `auroc` of the simple score, the largest blurred difference: defective boards against unseen
    normals and twins; `paired` is the share of defective boards that score above their own twin.
    `weighted` is the AUROC under the weighting mask of the validation boards: without it, what
    differs from board to board, such as serial numbers, outshines small defects.
    """
    normals_NHWC, twins_DHWC = in_unit(boards.normals_NHWC), in_unit(boards.twins_DHWC)
    defective_DHWC = in_unit(boards.defective_DHWC)
    copies = copy_figures(boards, redrawn, defective_DHWC, twins_DHWC)
    validation_NHWC = in_unit(boards.validation_NHWC)
    mask_HW = weighting_mask(differences(validation_NHWC, redrawn.validation_NHWC))
    good = differences(normals_NHWC, redrawn.normals_NHWC)
    twins = differences(twins_DHWC, redrawn.twins_DHWC)
    bad = differences(defective_DHWC, redrawn.defective_DHWC)
    twins_D, bad_D = scores(twins), scores(bad)
    area, low, high = auroc(np.concatenate([scores(good), twins_D]), bad_D)
    weighted, *_ = auroc(
        np.concatenate([scores(mask_HW * good), scores(mask_HW * twins)]), scores(mask_HW * bad)
    )
    return {
        "psnr_normals_db": psnr_db(normals_NHWC, redrawn.normals_NHWC),
        "psnr_defective_db": psnr_db(defective_DHWC, redrawn.defective_DHWC),
        **{name: float(np.mean(values_D)) for name, values_D in copies.items()},
        "auroc": area,
        "auroc_95": [low, high],
        "weighted": weighted,
        "paired": float(np.mean(bad_D > twins_D)),
        "by_kind": by_kind(boards, copies),
    }


def copy_figures(
    boards: Boards,
    redrawn: Redrawn,
    defective_DHWC: Float32Array,
    twins_DHWC: Float32Array,
) -> dict[str, Float64Array]:
    """Copy-through, floor, transmitted and contrast, `[D]` each; see `figures`."""
    errors_NHWC = np.abs(in_unit(boards.normals_NHWC) - redrawn.normals_NHWC)
    errors_HW = errors_NHWC.mean(axis=(0, 3)).clip(LEAST_ERROR)
    rows = []
    for number, mask_HW in enumerate(boards.masks_DHW):
        spoilt_PC, good_PC = defective_DHWC[number][mask_HW], twins_DHWC[number][mask_HW]
        drawn_PC = redrawn.defective_DHWC[number][mask_HW]
        clean_PC = redrawn.twins_DHWC[number][mask_HW]
        added_PC = spoilt_PC - good_PC
        size = np.abs(added_PC).mean()
        rows.append(
            (
                np.abs(drawn_PC - good_PC).mean() / size,
                np.abs(clean_PC - good_PC).mean() / size,
                ((drawn_PC - clean_PC) * added_PC).sum() / np.square(added_PC).sum(),
                np.abs(spoilt_PC - drawn_PC).mean() / errors_HW[mask_HW].mean(),
            )
        )
    columns = np.array(rows, dtype=np.float64).T
    return dict(zip(("copy_through", "floor", "transmitted", "contrast"), columns, strict=True))


def by_kind(boards: Boards, copies: dict[str, Float64Array]) -> dict[str, dict[str, float]]:
    """Means of the copy figures over the boards of each kind of defect."""
    kinds_D = np.array(boards.kinds_D)
    return {
        kind: {name: float(values_D[kinds_D == kind].mean()) for name, values_D in copies.items()}
        for kind in dict.fromkeys(boards.kinds_D)
    }


def in_unit(images_NHWC: UInt8Array) -> Float32Array:
    """Stored images in [0, 1]."""
    return np.asarray(images_NHWC / np.float32(255), dtype=np.float32)


def differences(images_NHWC: Float32Array, drawn_NHWC: Float32Array) -> Float32Array:
    """`[N, H, W]`: absolute difference, mean over channels."""
    return np.asarray(np.abs(images_NHWC - drawn_NHWC).mean(axis=3), dtype=np.float32)


def scores(differences_NHW: Float32Array) -> Float64Array:
    """`[N]`: the largest value of each board's difference after a blur."""
    blurred = [cv2.GaussianBlur(one_HW, (0, 0), BLUR_SIGMA_PX) for one_HW in differences_NHW]
    return np.array([np.max(one_HW) for one_HW in blurred], dtype=np.float64)


def psnr_db(images_NHWC: Float32Array, drawn_NHWC: Float32Array) -> float:
    """Mean over boards of each one's PSNR."""
    errors_N = np.square(images_NHWC - drawn_NHWC).mean(axis=(1, 2, 3), dtype=np.float64)
    return float(np.mean(-10 * np.log10(np.maximum(errors_N, 1e-12))))


def auroc(good_N: Float64Array, bad_D: Float64Array) -> tuple[float, float, float]:
    """Chance that a bad board scores above a good one (ties half), with a 95 % interval.

    The interval is that of Hanley and McNeil (1982), cut to [0, 1].
    """
    above_DN = (bad_D[:, None] > good_N) + 0.5 * (bad_D[:, None] == good_N)
    area = float(above_DN.mean())
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area)
        + (len(bad_D) - 1) * (first - area**2)
        + (len(good_N) - 1) * (second - area**2)
    ) / (len(bad_D) * len(good_N))
    reach = CONFIDENCE_Z * max(variance, 0.0) ** 0.5
    return area, max(area - reach, 0.0), min(area + reach, 1.0)


def picture(rows: list[tuple[UInt8Array, ...]]) -> UInt8Array:
    """One row a board, its images side by side."""
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])
