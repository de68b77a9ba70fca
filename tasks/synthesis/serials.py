"""Serial numbers: one for every board, printed on its label as a matrix code and as text."""

from __future__ import annotations

import hashlib

import numpy as np

from tasks.synthesis import materials as m
from tasks.synthesis.drawing import Drawing, Sprite, bevel, box_distance, text_coverage
from tasks.synthesis.layout import Area
from tasks.vocabulary.arrays import BoolArray

MODULES = 16


def serial_number(design_seed: int, number: int) -> str:
    """Return the serial number of a board: product, running number, two check digits."""
    body = f"ZE{design_seed % 1000:03d}{number:07d}"
    return f"{body}{int(hashlib.sha256(body.encode()).hexdigest(), 16) % 97:02d}"


def matrix_modules(serial: str) -> BoolArray:
    """Return the dark modules `[16, 16]` of a code like a data matrix.

    Solid left and lower edges, dotted upper and right ones; the inside is a hash of the serial
    number. It looks like the real code and differs as much from board to board; no reader decodes it.
    """
    digest = hashlib.sha256(serial.encode()).digest()
    bits_N = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))
    modules = np.zeros((MODULES, MODULES), dtype=np.bool_)
    inside = MODULES - 2
    modules[1:-1, 1:-1] = bits_N[: inside * inside].reshape(inside, inside).astype(np.bool_)
    modules[0, :] = np.arange(MODULES) % 2 == 0
    modules[:, -1] = np.arange(MODULES) % 2 == 1
    modules[:, 0] = modules[-1, :] = True
    return modules


def draw_label(serial: str, area: Area, unit_px: float, supersampling: int) -> Sprite:
    """Draw the paper label of one board."""
    width_px, height_px = area.right - area.left, area.bottom - area.top
    drawing = Drawing(width_px + 0.3 * unit_px, height_px + 0.3 * unit_px, supersampling)
    paper_HW = box_distance(drawing.x_HW, drawing.y_HW, width_px, height_px, 0.12 * unit_px)
    drawing.shade(paper_HW, 0.12 * unit_px, 0.4)
    drawing.fill(paper_HW, m.LABEL, bevel(paper_HW, 0.05 * unit_px, 0.3))
    side_px = 0.8 * width_px
    centre_y_px = -height_px / 2 + 0.1 * width_px + side_px / 2
    module_px = side_px / MODULES
    columns_HW = np.floor((drawing.x_HW + side_px / 2) / module_px).astype(np.int64)
    rows_HW = np.floor((drawing.y_HW - centre_y_px + side_px / 2) / module_px).astype(np.int64)
    inside_HW = (columns_HW >= 0) & (columns_HW < MODULES) & (rows_HW >= 0) & (rows_HW < MODULES)
    dark_HW = matrix_modules(serial)[rows_HW.clip(0, MODULES - 1), columns_HW.clip(0, MODULES - 1)]
    drawing.cover((dark_HW & inside_HW).astype(np.float32), m.LABEL_INK)
    text_y_px = height_px / 2 - 0.15 * (height_px - 0.9 * width_px) - 0.2 * unit_px
    text_HW = text_coverage(drawing, serial[-7:], 0.42 * unit_px, 0.0, text_y_px)
    drawing.cover(text_HW, m.LABEL_INK)
    return drawing.sprite()
