"""Scratches: thin curved lines in the soldermask, through to the copper where they are deep.

Legend: K points of the path, 2 as (x, y) in design px.
"""

from __future__ import annotations

import numpy as np

from tasks.synthesis import materials as m
from tasks.synthesis.drawing import Drawing, Sprite, smooth_noise
from tasks.synthesis.layout import Layout
from tasks.synthesis.parts import turned_extent
from tasks.vocabulary.arrays import Float32Array, Float64Array

ATTEMPTS = 24
POINTS = 24


def visible_scratch(layout: Layout, rng: np.random.Generator) -> tuple[Float64Array, float]:
    """Draw a path `[K, 2]` and its width in px: of several, the one parts hide least."""
    unit_px, outline = layout.unit_px, layout.outline
    room = min(outline.right - outline.left, outline.bottom - outline.top) / unit_px
    length_px = rng.uniform(1.5, min(6.0, 0.5 * room)) * unit_px
    width_px = max(rng.uniform(0.04, 0.1) * unit_px, 0.6)
    bend = rng.uniform(-1.2, 1.2)
    best_K2, least_hidden = np.zeros((POINTS, 2)), np.inf
    for _ in range(ATTEMPTS):
        start_2 = rng.uniform(
            [outline.left + unit_px, outline.top + unit_px],
            [outline.right - unit_px, outline.bottom - unit_px],
        )
        angles_K = rng.uniform(0, 2 * np.pi) + bend * np.linspace(0, 1, POINTS) ** 2
        steps_K2 = np.column_stack([np.cos(angles_K), np.sin(angles_K)]) * length_px / POINTS
        path_K2 = start_2 + np.cumsum(steps_K2, axis=0)
        hidden = hidden_share(path_K2, layout)
        if hidden < least_hidden:
            best_K2, least_hidden = path_K2, hidden
    return best_K2, float(width_px)


def hidden_share(path_K2: Float64Array, layout: Layout) -> float:
    """How much of a path lies under parts or the label, or off the board."""
    x_K, y_K = path_K2.T
    outline, unit_px, label = layout.outline, layout.unit_px, layout.label
    hidden_K = (x_K < outline.left) | (x_K > outline.right)
    hidden_K |= (y_K < outline.top) | (y_K > outline.bottom)
    hidden_K |= (x_K > label.left) & (x_K < label.right) & (y_K > label.top) & (y_K < label.bottom)
    for part in layout.parts:
        sides = turned_extent(part.type, part.quarter_turns)
        left, top, right, bottom = (side * unit_px for side in sides)
        across_K = (x_K > part.x_px + left) & (x_K < part.x_px + right)
        hidden_K |= across_K & (y_K > part.y_px + top) & (y_K < part.y_px + bottom)
    return float(hidden_K.mean())


def draw_scratch(
    path_K2: Float64Array, width_px: float, supersampling: int, rng: np.random.Generator
) -> tuple[Sprite, float, float]:
    """Draw a scratch; return it with the (x, y) of its centre. It fades in and out as it goes."""
    low_2, high_2 = path_K2.min(axis=0), path_K2.max(axis=0)
    centre_2 = (low_2 + high_2) / 2
    size_2 = high_2 - low_2 + 4 * width_px + 2
    drawing = Drawing(float(size_2[0]), float(size_2[1]), supersampling)
    local_K2 = (path_K2 - centre_2).astype(np.float32)
    depths_K = np.sin(np.linspace(0.15, np.pi - 0.15, len(path_K2))) * rng.uniform(0.7, 1.0)
    nearest_HW, depth_HW, side_HW = path_distance(drawing, local_K2, depths_K)
    # Crushed mask at both edges of a groove that shows copper.
    torn_HW = nearest_HW - np.float32(0.9 * width_px) * depth_HW * roughness(drawing, rng)
    drawing.fill(torn_HW, m.SCRATCH_EDGE, opacity=0.55)
    groove = (np.float32(0.4) * side_HW, np.float32(0.3) * side_HW)
    inside_HW = drawing.coverage(nearest_HW - np.float32(0.45 * width_px) * depth_HW)
    drawing.cover(inside_HW, m.COPPER, groove)
    return drawing.sprite(), float(centre_2[0]), float(centre_2[1])


def path_distance(
    drawing: Drawing, local_K2: Float32Array, depths_K: Float64Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Distance to a path for every pixel, the depth of its nearest piece, and on which side it lies."""
    nearest_HW = np.full(drawing.x_HW.shape, np.inf, dtype=np.float32)
    depth_HW = np.zeros_like(nearest_HW)
    side_HW = np.zeros_like(nearest_HW)
    for (x1, y1), (x2, y2), depth in zip(local_K2[:-1], local_K2[1:], depths_K, strict=False):
        run_x, run_y = x2 - x1, y2 - y1
        length = float(np.hypot(run_x, run_y))
        along_HW = (drawing.x_HW - x1) * run_x + (drawing.y_HW - y1) * run_y
        share_HW = np.clip(along_HW / length**2, 0.0, 1.0)
        off_x_HW = drawing.x_HW - (x1 + share_HW * run_x)
        off_y_HW = drawing.y_HW - (y1 + share_HW * run_y)
        distance_HW = np.hypot(off_x_HW, off_y_HW)
        closer_HW = distance_HW < nearest_HW
        nearest_HW = np.where(closer_HW, distance_HW, nearest_HW)
        depth_HW = np.where(closer_HW, np.float32(depth), depth_HW)
        side_HW = np.where(closer_HW, np.sign(off_x_HW * run_y - off_y_HW * run_x), side_HW)
    return nearest_HW, depth_HW, side_HW


def roughness(drawing: Drawing, rng: np.random.Generator) -> Float32Array:
    """Factors about 1 by which the mask tore further in some places than in others."""
    height, width = drawing.x_HW.shape
    noise_HW = smooth_noise(rng, height, width, 1.5 * drawing.supersampling)
    factors_HW: Float32Array = np.clip(1.0 + 0.35 * noise_HW, 0.2, 2.0).astype(np.float32)
    return factors_HW
