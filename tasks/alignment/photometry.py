"""Intensities of a board image: gain and offset to the reference, then gamma, in one rounding."""

from __future__ import annotations

import numpy as np

from tasks.alignment.settings import PhotometrySettings
from tasks.vocabulary.arrays import Float64Array, UInt8Array

# Quantiles that a defect, a serial number or a reflex does not move.
QUANTILES = np.array([0.1, 0.9])
# Beyond this gain noise is amplified, not light corrected.
LARGEST_GAIN = 4.0
LEVELS = np.arange(256, dtype=np.float64)


def matched(board_HWC: UInt8Array, reference_HWC: UInt8Array) -> Float64Array:
    """`float64 [256, C]`: grey levels after the gain and offset that bring a board to the reference.

    Gain: ratio of the spans between the 10 % and the 90 % quantile, within 1/4 and 4. Offset: the
    quantiles' middles coincide.
    """
    ours_2C, theirs_2C = quantiles(board_HWC), quantiles(reference_HWC)
    gain_C = (theirs_2C[1] - theirs_2C[0]) / (ours_2C[1] - ours_2C[0])
    gain_C = np.clip(gain_C, 1 / LARGEST_GAIN, LARGEST_GAIN)
    shifted = LEVELS[:, None] - ours_2C.mean(axis=0)
    return np.asarray(shifted * gain_C + theirs_2C.mean(axis=0), dtype=np.float64)


def quantiles(image_HWC: UInt8Array) -> Float64Array:
    """`QUANTILES` of each channel, `[2, C]`: grey level v stands for v - 1/2 to v + 1/2."""
    edges = np.arange(257) - 0.5
    found = []
    for channel in range(image_HWC.shape[2]):
        counts = np.bincount(image_HWC[..., channel].ravel(), minlength=256)
        shares = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
        found.append(np.interp(QUANTILES, shares, edges))
    return np.stack(found, axis=-1)


def photometric(
    board_HWC: UInt8Array, settings: PhotometrySettings, reference_HWC: UInt8Array | None
) -> UInt8Array:
    """Apply the settings to a board image; the defaults return the very image.

    `reference_HWC` is the reference's board image before photometry; None where there is none.
    """
    matches = settings.match_reference and reference_HWC is not None
    if settings.gamma == 1.0 and not matches:
        return board_HWC
    channels = board_HWC.shape[2]
    levels = np.repeat(LEVELS[:, None], channels, axis=1)
    if matches and reference_HWC is not None:
        levels = matched(board_HWC, reference_HWC)
    powered = np.clip(levels / 255.0, 0.0, 1.0) ** settings.gamma
    table = np.rint(powered * 255.0).astype(np.uint8)
    return np.stack([table[board_HWC[..., c], c] for c in range(channels)], axis=-1)
