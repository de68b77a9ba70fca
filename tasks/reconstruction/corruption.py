"""Corrupted training inputs: CutPaste's patches and scars, DRAEM's textured blobs of Perlin noise.

All numbers are drawn on the CPU from one generator, so that a step's corruption is a function of
(seed, step); the images are worked on where they are.

Legend: B images of a batch, M those of them that are corrupted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tasks.reconstruction.settings import CorruptionSettings
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array

# CutPaste, section 3.1: a scar is turned by up to 45 degrees, colours jitter by 0.1.
_SCAR_TURN_DEG = 45.0
_JITTER = 0.1
# The augmentations of a texture: contrast, brightness, and the chance that it is inverted.
_CONTRAST, _BRIGHTNESS, _INVERTED = (0.5, 1.5), 0.3, 0.25


class Pasting(NamedTuple):
    """One patch an image: the rectangle's size, turn and centre, and where it was cut from; px."""

    height_M: Tensor
    width_M: Tensor
    turn_M: Tensor
    row_M: Tensor
    column_M: Tensor
    from_row_M: Tensor
    from_column_M: Tensor


def corrupted(
    images_BCHW: Tensor, settings: CorruptionSettings, draws: np.random.Generator
) -> Tensor:
    """Return the batch with `share` of its images corrupted, in [0, 1]; the argument stays as it is.

    Where `share` of B is no whole number it is rounded up or down by chance, right on average.
    """
    if settings.kind == "none":
        return images_BCHW
    count = len(images_BCHW)
    struck = min(count, int(settings.share * count + draws.random()))
    order_B = draws.permutation(count)[:struck]
    pasted_B = order_B[_is_pasted(settings, struck, draws)]
    blotched_B = order_B[~np.isin(order_B, pasted_B)]
    result_BCHW = images_BCHW.clone()
    if len(pasted_B):
        result_BCHW[_indices(pasted_B, images_BCHW)] = cut_paste(
            images_BCHW, pasted_B, settings, draws
        )
    if len(blotched_B):
        result_BCHW[_indices(blotched_B, images_BCHW)] = perlin(
            images_BCHW, blotched_B, settings, draws
        )
    return result_BCHW


def _is_pasted(settings: CorruptionSettings, struck: int, draws: np.random.Generator) -> BoolArray:
    if settings.kind == "both":
        return np.asarray(draws.random(struck) < 0.5)
    return np.full(struck, settings.kind == "cut_paste")


def cut_paste(
    images_BCHW: Tensor,
    struck_M: Int64Array,
    settings: CorruptionSettings,
    draws: np.random.Generator,
) -> Tensor:
    """Images `struck_M`, each with a patch or, as often, a scar of any image of the batch.

    CutPaste (Li et al. 2021, section 3.1); there a patch comes from the same image only.
    """
    channels, height, width = images_BCHW.shape[1:]
    pasting = _draw_pasting(settings, len(struck_M), (height, width), draws, images_BCHW)
    mask_MHW, rows_MHW, columns_MHW = _places(pasting, height, width)
    sources_M = _indices(draws.integers(0, len(images_BCHW), len(struck_M)), images_BCHW)
    patch_MHWC = images_BCHW[sources_M[:, None, None], :, rows_MHW, columns_MHW]
    jitter_MC = draws.uniform(-_JITTER, _JITTER, (len(struck_M), channels))
    patch_MCHW = patch_MHWC.permute(0, 3, 1, 2) + _spread(jitter_MC, images_BCHW)
    target_MCHW = images_BCHW[_indices(struck_M, images_BCHW)]
    return torch.where(mask_MHW[:, None], patch_MCHW.clamp(0.0, 1.0), target_MCHW)


def _draw_pasting(
    settings: CorruptionSettings,
    count: int,
    size_hw: tuple[int, int],
    draws: np.random.Generator,
    like: Tensor,
) -> Pasting:
    height, width = size_hw
    area_M = draws.uniform(*settings.patch_area, count) * height * width
    least, largest = np.log(settings.patch_aspect).tolist()
    aspect_M = np.exp(draws.uniform(least, largest, count))
    aspect_M = np.where(draws.random(count) < 0.5, aspect_M, 1.0 / aspect_M)
    scar_M = draws.random(count) < 0.5
    length_M = draws.uniform(*settings.scar_length, count) * min(size_hw)
    thickness_M = draws.uniform(*settings.scar_width, count) * min(size_hw)
    turn_M = np.radians(draws.uniform(-_SCAR_TURN_DEG, _SCAR_TURN_DEG, count))
    turn_M += np.where(draws.random(count) < 0.5, np.pi / 2, 0.0)
    rows_2M = draws.uniform(0, height - 1, (2, count))
    columns_2M = draws.uniform(0, width - 1, (2, count))
    numbers = (
        np.where(scar_M, thickness_M, np.sqrt(area_M * aspect_M)).clip(1, height),
        np.where(scar_M, length_M, np.sqrt(area_M / aspect_M)).clip(1, width),
        np.where(scar_M, turn_M, 0.0),
        *(rows_2M[0], columns_2M[0], rows_2M[1], columns_2M[1]),
    )
    return Pasting(*(_numbers(values_M, like)[:, None, None] for values_M in numbers))


def _places(pasting: Pasting, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """`[M, H, W]`: the pasted pixels, and the row and column that each is taken from."""
    device = pasting.row_M.device
    rows_HW, columns_HW = torch.meshgrid(
        torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij"
    )
    # A centre on a pixel, so that even the thinnest patch covers one.
    down_MHW = rows_HW - pasting.row_M.round()
    right_MHW = columns_HW - pasting.column_M.round()
    cosine_M, sine_M = pasting.turn_M.cos(), pasting.turn_M.sin()
    along_MHW = cosine_M * right_MHW + sine_M * down_MHW
    across_MHW = cosine_M * down_MHW - sine_M * right_MHW
    inside_MHW = (along_MHW.abs() <= pasting.width_M / 2) & (
        across_MHW.abs() <= pasting.height_M / 2
    )
    from_rows_MHW = (pasting.from_row_M + across_MHW).round().long() % height
    from_columns_MHW = (pasting.from_column_M + along_MHW).round().long() % width
    return inside_MHW, from_rows_MHW, from_columns_MHW


def perlin(
    images_BCHW: Tensor,
    struck_M: Int64Array,
    settings: CorruptionSettings,
    draws: np.random.Generator,
) -> Tensor:
    """Images `struck_M` with blobs of Perlin noise that show an augmented image of the batch.

    DRAEM (Zavrtanik et al. 2021, section 3.2 and equation 2). Two departures: textures come from
    the batch, not from a data set of textures; the noise is cut at the quantile that gives the drawn
    area, so that no mask is empty and none covers the board.
    """
    noise_MHW = perlin_noise(len(struck_M), settings.perlin_cells, images_BCHW, draws)
    area_M = draws.uniform(*settings.perlin_area, len(struck_M))
    pixels = noise_MHW[0].numel()
    sorted_MP = noise_MHW.flatten(1).sort(dim=1).values
    cuts_M = np.minimum(np.floor((1.0 - area_M) * pixels).astype(np.int64), pixels - 1)
    limits_M1 = sorted_MP.gather(1, _indices(cuts_M, images_BCHW)[:, None])
    mask_MHW = noise_MHW >= limits_M1[..., None]
    opacity_M1 = draws.uniform(*settings.opacity, (len(struck_M), 1))
    weight_MCHW = mask_MHW[:, None] * _spread(opacity_M1, images_BCHW)
    target_MCHW = images_BCHW[_indices(struck_M, images_BCHW)]
    texture_MCHW = textures(images_BCHW, len(struck_M), draws)
    return (target_MCHW + weight_MCHW * (texture_MCHW - target_MCHW)).clamp(0.0, 1.0)


def perlin_noise(
    count: int, most_cells: int, like_BCHW: Tensor, draws: np.random.Generator
) -> Tensor:
    """Perlin's gradient noise `[count, H, W]`: each side of each image has 1, 2, 4 .. cells.

    Perlin (1985) with the fade curve of 2002, 6 t⁵ - 15 t⁴ + 10 t³.
    """
    height, width = like_BCHW.shape[2:]
    powers = int(np.log2(most_cells)) + 1
    cells_2M = 2 ** draws.integers(0, powers, (2, count))
    angles_MGG = draws.uniform(0.0, 2.0 * np.pi, (count, most_cells + 1, most_cells + 1))
    angles = _numbers(angles_MGG, like_BCHW)
    y_MHW, x_MHW = (
        ((torch.arange(side, device=angles.device) + 0.5) / side).view(shape)
        * _numbers(cells_2M[axis], like_BCHW)[:, None, None]
        for axis, (side, shape) in enumerate(((height, (1, -1, 1)), (width, (1, 1, -1))))
    )
    top_MHW, left_MHW = y_MHW.floor().long(), x_MHW.floor().long()
    y_MHW, x_MHW = y_MHW - top_MHW, x_MHW - left_MHW
    images_M = torch.arange(count, device=angles.device)[:, None, None]

    def corner(down: int, right: int) -> Tensor:
        angle_MHW = angles[images_M, top_MHW + down, left_MHW + right]
        return angle_MHW.cos() * (x_MHW - right) + angle_MHW.sin() * (y_MHW - down)

    upper_MHW = torch.lerp(corner(0, 0), corner(0, 1), _faded(x_MHW))
    lower_MHW = torch.lerp(corner(1, 0), corner(1, 1), _faded(x_MHW))
    return torch.lerp(upper_MHW, lower_MHW, _faded(y_MHW))


def _faded(t: Tensor) -> Tensor:
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)


def textures(images_BCHW: Tensor, count: int, draws: np.random.Generator) -> Tensor:
    """`[count, C, H, W]` in [0, 1]: images of the batch, shifted, mirrored, recoloured, inverted."""
    channels, height, width = images_BCHW.shape[1:]
    chosen_M = draws.integers(0, len(images_BCHW), count)
    shifts_M2 = draws.integers(0, (height, width), (count, 2))
    mirrored_M2 = draws.random((count, 2)) < 0.5
    moved = []
    for chosen, shift_2, mirrored_2 in zip(chosen_M, shifts_M2, mirrored_M2, strict=True):
        image_CHW = images_BCHW[int(chosen)].roll((int(shift_2[0]), int(shift_2[1])), (1, 2))
        moved.append(image_CHW.flip([axis + 1 for axis in (0, 1) if mirrored_2[axis]]))
    contrast_M1 = draws.uniform(*_CONTRAST, (count, 1))
    contrast_M1 *= np.where(draws.random((count, 1)) < _INVERTED, -1.0, 1.0)
    brightness_MC = 0.5 + draws.uniform(-_BRIGHTNESS, _BRIGHTNESS, (count, channels))
    centred_MCHW = (torch.stack(moved) - 0.5) * _spread(contrast_M1, images_BCHW)
    return (centred_MCHW + _spread(brightness_MC, images_BCHW)).clamp(0.0, 1.0)


def _numbers(values: Float64Array | Int64Array, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(device=like.device, dtype=torch.float32)


def _spread(values_MC: Float64Array, like: Tensor) -> Tensor:
    return _numbers(values_MC, like)[:, :, None, None]


def _indices(values_M: Int64Array, like: Tensor) -> Tensor:
    return torch.from_numpy(values_M).to(like.device)
