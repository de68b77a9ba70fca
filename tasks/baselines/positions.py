"""Features of every position of an image, joined over several maps (PatchCore, section 3.1).

Legend: C_l channels of map l, h/w height and width of the finest map, D joined features, P = h * w.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError


def chosen_maps(strides: Sequence[int], wanted: Sequence[int]) -> tuple[int, ...]:
    """Indices of the maps of the `wanted` strides, finest first.

    `InputError` for a stride that the perception does not have.
    """
    missing = sorted(set(wanted) - set(strides))
    if missing:
        raise InputError(
            f"The perception has no map of stride {', '.join(map(str, missing))}.",
            f"Choose strides among {', '.join(map(str, strides))}.",
        )
    return tuple(strides.index(stride) for stride in sorted(set(wanted)))


def joined(
    maps: Sequence[Float32Array], chosen: Sequence[int], local_px: int
) -> tuple[Float32Array, tuple[int, int]]:
    """Features `[P, D]` of the finest map's positions, row by row, and its `(h, w)`.

    Each map is averaged over squares of `local_px` positions, cut at the border, then resized
    bilinearly to the finest. PatchCore pools channels of the square to 1,024 numbers instead; a
    mean keeps the channels as they are.
    """
    height, width = maps[chosen[0]].shape[1:]
    parts = []
    for index in chosen:
        map_1Chw = torch.from_numpy(np.ascontiguousarray(maps[index]))[None]
        averaged = functional.avg_pool2d(
            map_1Chw, local_px, stride=1, padding=local_px // 2, count_include_pad=False
        )
        parts.append(
            functional.interpolate(
                averaged, size=(height, width), mode="bilinear", align_corners=False
            )
        )
    joined_Dhw = torch.cat(parts, dim=1)[0]
    features_PD = joined_Dhw.flatten(1).T.contiguous().numpy()
    return np.asarray(features_PD, dtype=np.float32), (height, width)


def enlarged(values_P: Float32Array, size: tuple[int, int], image: tuple[int, int]) -> Float32Array:
    """Values of positions at each pixel `[H, W]`: bilinear, then PatchCore's Gaussian of 4 px."""
    from scipy.ndimage import gaussian_filter

    values_11hw = torch.from_numpy(values_P.reshape(1, 1, *size).astype(np.float32))
    pixels_HW = functional.interpolate(
        values_11hw, size=image, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    return np.asarray(gaussian_filter(pixels_HW, 4.0), dtype=np.float32)
