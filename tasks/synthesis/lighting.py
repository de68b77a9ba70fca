"""Light: what a ring light makes of a surface, and how the light of the room falls over the photograph.

Legend: H height, W width, C channels, T the 256 steps of one component of a normal, G grades of roughness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.synthesis.materials import GLOSS, ROUGHNESS, TILT_X, TILT_Y
from tasks.synthesis.settings import LightingSettings
from tasks.vocabulary.arrays import Float32Array, UInt8Array

# Spread of a reflection for each grade of roughness, and where the lights stand, degrees from above.
SPREADS_DEG = (7.0, 15.0, 28.0, 50.0)
RING_DEG = 42.0
RING_WIDTH_DEG = 9.0
COAXIAL_WIDTH_DEG = 7.0
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Light:
    """The light of one photograph: tables over normals, and its fall over the image.

    `diffuse_T` and `glint_T` are indexed by (roughness grade, y, x of the normal) as one integer.
    """

    diffuse_T: Float32Array
    glint_T: Float32Array
    gains_C: Float32Array
    slope_x: float
    slope_y: float
    vignette: float


def ring_light(settings: LightingSettings, rng: np.random.Generator) -> Light:
    """Draw the light of one photograph from its tolerances."""
    azimuth, slope_azimuth = rng.uniform(0.0, 2 * np.pi, size=2)
    bias = settings.ring_bias * rng.uniform()
    slope = settings.gradient * rng.uniform()
    gain = 1.0 + settings.gain * rng.uniform(-1.0, 1.0)
    cast_C = 1.0 + settings.colour_cast * rng.uniform(-1.0, 1.0, size=3)
    vignette = settings.vignette * rng.uniform()
    diffuse_T, glint_T = normal_tables(float(bias), float(azimuth))
    return Light(
        diffuse_T,
        glint_T,
        (gain * cast_C).astype(np.float32),
        float(slope * np.cos(slope_azimuth)),
        float(slope * np.sin(slope_azimuth)),
        float(vignette),
    )


def normal_tables(bias: float, azimuth: float) -> tuple[Float32Array, Float32Array]:
    """Tabulate diffuse and mirrored light over all normals and grades of roughness.

    A glossy surface mirrors what stands at twice its own tilt: a small coaxial light straight above,
    the ring at `RING_DEG`, darkness between and beyond. `bias` makes one side of the ring brighter.
    """
    steps_T = (np.arange(256, dtype=np.float32) - 128) / 127
    tilt_x_TT, tilt_y_TT = np.meshgrid(steps_T, steps_T)
    sine_TT = np.minimum(np.hypot(tilt_x_TT, tilt_y_TT), 0.999)
    seen_deg_TT = 2 * np.degrees(np.arcsin(sine_TT))
    toward_TT = tilt_x_TT * np.cos(azimuth) + tilt_y_TT * np.sin(azimuth)
    around_TT = 1.0 + bias * toward_TT / np.maximum(sine_TT, 1e-3)
    glints = []
    for spread in SPREADS_DEG:
        ring = np.hypot(RING_WIDTH_DEG, spread)
        coaxial = np.hypot(COAXIAL_WIDTH_DEG, spread)
        ring_TT = np.exp(-0.5 * ((seen_deg_TT - RING_DEG) / ring) ** 2) * RING_WIDTH_DEG / ring
        above_TT = np.exp(-0.5 * (seen_deg_TT / coaxial) ** 2) * COAXIAL_WIDTH_DEG / coaxial
        glints.append(1.9 * ring_TT * around_TT + 0.55 * above_TT + 0.04)
    upright_TT = np.sqrt(1.0 - sine_TT**2)
    diffuse_TT = 0.35 + 0.65 * upright_TT + 0.5 * bias * toward_TT
    glint_T = np.stack(glints).astype(np.float32).ravel()
    return diffuse_TT.astype(np.float32).ravel(), glint_T


def shade(surface_HWC: UInt8Array, light: Light) -> UInt8Array:
    """Shade a surface: `uint8 [H, W, 3]`, the colours a camera sees before optics and noise."""
    height, width = surface_HWC.shape[:2]
    shaded_HW3 = np.empty((height, width, 3), dtype=np.uint8)
    # Strips stay in the processor's cache.
    for top in range(0, height, ROWS_AT_ONCE):
        strip_HWC = surface_HWC[top : top + ROWS_AT_ONCE]
        normal_HW = (strip_HWC[..., TILT_Y].astype(np.int32) << 8) | strip_HWC[..., TILT_X]
        grade_HW = (strip_HWC[..., ROUGHNESS].astype(np.int32) >> 6) << 16
        diffuse_HW = light.diffuse_T.take(normal_HW)
        glint_HW = light.glint_T.take(normal_HW | grade_HW) * strip_HWC[..., GLOSS]
        # A glint has partly the light's colour, partly the surface's own (as metals do).
        diffuse_HW += glint_HW * np.float32(0.6 / 255)
        glint_HW *= np.float32(0.42)
        for channel in range(3):
            lit_HW = strip_HWC[..., channel] * diffuse_HW
            lit_HW += glint_HW
            np.minimum(lit_HW, 255.0, out=lit_HW)
            shaded_HW3[top : top + ROWS_AT_ONCE, :, channel] = lit_HW
    return shaded_HW3


def fall_of_light(height: int, width: int, light: Light) -> Float32Array:
    """Brightness `[H, W, C]` over the photograph."""
    down_H = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    across_W = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None]
    field_HW = 1.0 + light.slope_x * across_W + light.slope_y * down_H
    field_HW = field_HW * (1.0 - 0.5 * light.vignette * (across_W**2 + down_H**2))
    field_HWC: Float32Array = (field_HW[..., None] * light.gains_C).astype(np.float32)
    return field_HWC
