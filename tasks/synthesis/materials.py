"""What a board is made of: colour, gloss and roughness of every material.

A surface has seven channels a pixel, each a byte: red, green, blue, the x and y part of the surface
normal (128 is none, so flat is 128, 128), gloss, roughness. A sprite has an eighth, its opacity,
and the other seven multiplied by it.
"""

from __future__ import annotations

from typing import NamedTuple

RED, GREEN, BLUE, TILT_X, TILT_Y, GLOSS, ROUGHNESS, OPACITY = range(8)
SURFACE_CHANNELS = 7
SPRITE_CHANNELS = 8
FLAT = 128.0
FULL_TILT = 127.0


class Material(NamedTuple):
    """Colour in sRGB bytes; gloss and roughness in [0, 1]."""

    red: int
    green: int
    blue: int
    gloss: float
    roughness: float


CARRIER = Material(34, 35, 38, 0.10, 0.9)
LAMINATE = Material(118, 106, 66, 0.10, 0.7)
LAMINATE_EDGE = Material(150, 138, 92, 0.10, 0.9)
HOLE = Material(9, 9, 10, 0.0, 0.9)
COPPER = Material(206, 140, 78, 0.55, 0.45)
GOLD = Material(204, 166, 86, 0.55, 0.4)
TINNED = Material(150, 152, 152, 0.65, 0.4)
SOLDER = Material(120, 124, 130, 1.0, 0.1)
DULL_SOLDER = Material(122, 120, 116, 0.35, 0.6)
LEAD = Material(156, 158, 160, 0.75, 0.35)
TERMINATION = Material(164, 165, 166, 0.8, 0.35)
SILK = Material(226, 229, 222, 0.08, 0.9)
LABEL = Material(232, 231, 224, 0.12, 0.8)
LABEL_INK = Material(22, 22, 26, 0.05, 0.9)
PLASTIC = Material(36, 36, 39, 0.22, 0.6)
PLASTIC_MARK = Material(146, 146, 142, 0.10, 0.9)
RESISTOR_TOP = Material(30, 30, 34, 0.35, 0.35)
RESISTOR_MARK = Material(214, 214, 210, 0.1, 0.9)
CERAMIC = Material(222, 220, 214, 0.2, 0.6)
CAPACITORS = (
    Material(168, 130, 88, 0.25, 0.4),
    Material(146, 106, 70, 0.25, 0.4),
    Material(176, 150, 112, 0.25, 0.4),
)
TANTALUM = Material(206, 150, 44, 0.22, 0.55)
TANTALUM_STRIPE = Material(120, 68, 22, 0.2, 0.6)
FERRITE = Material(70, 70, 74, 0.18, 0.7)
CAN = Material(176, 178, 182, 0.75, 0.3)
CAN_TOP = Material(158, 160, 165, 0.55, 0.5)
CAN_STRIPE = Material(26, 27, 34, 0.25, 0.5)
CONNECTOR_PLASTIC = Material(222, 214, 192, 0.22, 0.6)
CONNECTOR_INSIDE = Material(132, 126, 112, 0.1, 0.8)
LED_BODY = Material(230, 226, 208, 0.25, 0.5)
LED_LENS = Material(232, 196, 96, 0.7, 0.3)
SMEAR = Material(150, 128, 84, 0.35, 0.5)
SCRATCH_EDGE = Material(176, 190, 170, 0.2, 0.8)

# Soldermask over bare laminate and over copper, one pair a colour of product.
MASKS = (
    (Material(12, 66, 40, 0.40, 0.25), Material(26, 104, 60, 0.42, 0.25)),
    (Material(14, 48, 92, 0.40, 0.25), Material(26, 78, 134, 0.42, 0.25)),
    (Material(16, 58, 34, 0.30, 0.45), Material(38, 96, 48, 0.32, 0.45)),
    (Material(20, 22, 25, 0.36, 0.35), Material(40, 43, 47, 0.38, 0.35)),
    (Material(112, 22, 24, 0.38, 0.3), Material(150, 38, 36, 0.40, 0.3)),
)
