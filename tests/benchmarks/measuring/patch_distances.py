"""Patch distances of the candidates of one image: all at once against textbook calls patch by patch.

Candidates as they come: the boxes that zoom-out-and-shift lays around the 100 worst pixels of a board
of 1,024 px, in four sizes of 4 to 16 px; the 250 that stand out most of their size, equal boxes as
often as they were laid. Both roads begin with two images and boxes, cut the patches, and end with
13 distances of 250 candidates; the same values are asserted. The textbook's road cuts a candidate once
for all distances and measures equal boxes again, for it does not know better; scipy, scikit-image
and, where they have no such distance, numpy (see `tests.metrics.references`).

Seconds are CPU seconds of one process on one core, the least of some repeats that took turns. The
headline is the speedup on colour images, the harder ones: the more pixels a patch has, the less does
the textbook's fixed cost of a call weigh.

Legend: C channels, H/W image height and width, Q candidates, R rows of patch metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.candidates.boxes import worst_pixels, zoom_out_and_shift
from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.cutting import cut_patches
from tasks.metrics.measurement import patch_values
from tasks.metrics.rows import PatchMetric
from tasks.metrics.table import patch_rows
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tests.metrics.references import REFERENCES

SIDE_PX, PIXELS, SIZES, GROWTH_PX, KEPT = 1024, 100, 4, 4, 250
REPEATS = 15
RELATIVE, ABSOLUTE = 1e-9, 1e-12
COLOURS = {"grey": 1, "colour": 3}

Road = Callable[[], Float64Array]


def measure_patch_distances() -> dict[str, Any]:
    """Measure speedups: of all distances (`patch_distance_speedup` and by colour), and of each alone."""
    found = {name: _measured(channels) for name, channels in COLOURS.items()}
    return {"patch_distance_speedup": found["colour"]["all"]["speedup"], "patch_distances": found}


def _measured(channels: int) -> dict[str, Any]:
    comparison, suspects = board(channels)
    rows = {row.name: row for row in patch_rows()}
    return {
        "candidates": len(suspects.boxes_Q4),
        "distinct_boxes": len(np.unique(suspects.boxes_Q4, axis=0)),
        "all": _compared(comparison, suspects, tuple(rows.values())),
        "each_alone": {name: _compared(comparison, suspects, (row,)) for name, row in rows.items()},
    }


def _compared(
    comparison: Comparison, suspects: Suspects, rows: tuple[PatchMetric, ...]
) -> dict[str, float]:
    roads: tuple[Road, Road] = (
        lambda: at_once(comparison, suspects, rows),
        lambda: one_by_one(comparison, suspects, rows),
    )
    values = [road() for road in roads]
    np.testing.assert_allclose(values[0], values[1], RELATIVE, ABSOLUTE)
    seconds = np.array([[_cpu_seconds(road) for road in roads] for _ in range(REPEATS)]).min(axis=0)
    return {
        "milliseconds": float(seconds[0] * 1e3),
        "textbook_milliseconds": float(seconds[1] * 1e3),
        "speedup": float(seconds[1] / seconds[0]),
    }


def _cpu_seconds(road: Road) -> float:
    start = time.process_time()
    road()
    return time.process_time() - start


def at_once(
    comparison: Comparison, suspects: Suspects, rows: tuple[PatchMetric, ...]
) -> Float64Array:
    """Distances `[R, Q]` as the product measures them."""
    pairs, (place_Q,) = cut_patches(comparison, suspects)
    values = patch_values(pairs) if len(rows) > 1 else rows[0].function(pairs)[None]
    return values.take(place_Q, axis=1)


def one_by_one(
    comparison: Comparison, suspects: Suspects, rows: tuple[PatchMetric, ...]
) -> Float64Array:
    """Distances `[R, Q]` as the textbook's functions measure them."""
    references = [REFERENCES[row.name] for row in rows]
    values = np.empty((len(rows), len(suspects.boxes_Q4)))
    for place, (top, left, bottom, right) in enumerate(suspects.boxes_Q4.tolist()):
        x_Css, y_Css = (
            image_CHW[:, top:bottom, left:right].astype(np.float64)
            for image_CHW in (comparison.input_CHW, comparison.reconstruction_CHW)
        )
        values[:, place] = [reference(x_Css, y_Css) for reference in references]
    return values


def board(channels: int, side_px: int = SIDE_PX) -> tuple[Comparison, Suspects]:
    """A board of rectangles with camera noise, a scratch that its reconstruction lacks, suspects."""
    generator = np.random.default_rng(0)
    drawn_HW = np.full((side_px, side_px), 0.25)
    for row, column, height, width in generator.integers(8, side_px, (side_px, 4)) // (
        1,
        1,
        40,
        40,
    ):
        drawn_HW[row : row + height, column : column + width] = generator.uniform(0.1, 0.9)
    clean_CHW = np.linspace(1.0, 0.6, channels)[:, None, None] * drawn_HW
    seen_CHW = clean_CHW + 0.02 * generator.standard_normal(clean_CHW.shape)
    rebuilt_CHW = clean_CHW + 0.01 * generator.standard_normal(clean_CHW.shape)
    third = side_px // 3
    seen_CHW[:, third : third + 7, third : third + 9] += 0.3
    comparison = compared(_stored(seen_CHW), np.clip(rebuilt_CHW, 0, 1).astype(np.float32))
    return comparison, suspects_of(comparison.difference_HW)


def _stored(image_CHW: Float64Array) -> Float32Array:
    """As a camera stores it: 8-bit levels."""
    return (np.rint(np.clip(image_CHW, 0, 1) * 255) / 255).astype(np.float32)


def compared(seen_CHW: Float32Array, rebuilt_CHW: Float32Array) -> Comparison:
    """A comparison of no more than images; patch metrics need nothing else."""
    return Comparison(
        input_CHW=seen_CHW,
        reconstruction_CHW=rebuilt_CHW,
        difference_HW=np.abs(seen_CHW - rebuilt_CHW).mean(axis=0),
        latent_Dhw=None,
        quantized_Dhw=None,
        realness_input_hw=None,
        realness_output_hw=None,
        features_input=(seen_CHW,),
        features_reconstruction=(rebuilt_CHW,),
    )


def suspects_of(difference_HW: Float32Array) -> Suspects:
    """The boxes whose mean difference stands out most among those of their size."""
    pixels_P2 = worst_pixels(difference_HW, PIXELS)
    boxes_K4 = zoom_out_and_shift(pixels_P2, SIZES, GROWTH_PX, *difference_HW.shape)
    means_K = _box_means(difference_HW, boxes_K4).reshape(PIXELS, SIZES, -1)
    outstanding = (means_K - means_K.mean(axis=(0, 2), keepdims=True)) / means_K.std(
        axis=(0, 2), keepdims=True
    )
    kept_Q = np.argsort(-outstanding.ravel(), kind="stable")[:KEPT]
    return Suspects(boxes_K4[kept_Q], means_K.ravel()[kept_Q], pixels_P2)


def _box_means(difference_HW: Float32Array, boxes_K4: Int64Array) -> Float64Array:
    above_left = np.pad(difference_HW.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, left, bottom, right = boxes_K4.T
    sums = above_left[bottom, right] - above_left[top, right]
    sums += above_left[top, left] - above_left[bottom, left]
    return np.asarray(sums / ((bottom - top) * (right - left)), dtype=np.float64)
