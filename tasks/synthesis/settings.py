"""Settings of the synthesis room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import (
    AwareDatetime,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

from tasks.vocabulary.settings import Settings

SMALLEST_SIDE_PX = 96


class BoardDesignSettings(Settings):
    """What all boards of one product share; one seed is one product.

    | name | meaning |
    | --- | --- |
    | height_px, width_px | of the photograph, and of the design's own pixel grid |
    | seed | of the layout, the routing and the look of the parts |
    | density | how many parts per area: 1 is a typical board, 0.5 an airy one |
    | chip_px | length of a typical chip; None = it grows with the root of the shorter side |
    | fiducials | how many marks, 2 to 4 |
    """

    height_px: int = Field(default=512, ge=SMALLEST_SIDE_PX)
    width_px: int = Field(default=512, ge=SMALLEST_SIDE_PX)
    seed: NonNegativeInt = 0
    density: float = Field(default=1.0, gt=0.0, le=2.0)
    chip_px: PositiveFloat | None = Field(default=None, ge=4.0)
    fiducials: int = Field(default=3, ge=2, le=4)


class LightingSettings(Settings):
    """How far the light strays from board to board; every figure is the largest deviation.

    | name | meaning |
    | --- | --- |
    | gain | brightness of the whole photograph, ± this fraction |
    | gradient | brightness from the centre to an edge, ± this fraction, in any direction |
    | vignette | brightness lost in the corners, 0 to this fraction |
    | colour_cast | brightness of each colour channel, ± this fraction |
    | ring_bias | unevenness of the ring light, 0 to this fraction: it moves the glints on solder |
    """

    gain: float = Field(default=0.03, ge=0.0, lt=1.0)
    gradient: float = Field(default=0.03, ge=0.0, lt=1.0)
    vignette: float = Field(default=0.04, ge=0.0, lt=1.0)
    colour_cast: float = Field(default=0.01, ge=0.0, lt=1.0)
    ring_bias: float = Field(default=0.15, ge=0.0, lt=1.0)


class PerturbationSettings(Settings):
    """How far boards of one design differ; the defaults are a well-behaved line.

    Every figure is the largest deviation, drawn evenly from the range; 0 switches it off.

    | name | meaning |
    | --- | --- |
    | shift_px | of the board under the camera, ± along x and along y |
    | rotation_deg | of the board about the centre of the photograph, ± |
    | scale | enlargement, ± this fraction of 1 |
    | blur_sigma_px | Gaussian blur of the optics, 0 to this |
    | lighting | see `LightingSettings` |
    | noise_sigma | of the camera, in grey levels (not drawn: every photograph has it) |
    | placement_tolerance_px | of every part, ± along x and along y |
    | placement_tolerance_deg | of every part, ± |
    | solder_variation | how much solder joints differ: 0 = all alike, 1 = as on a good line |
    | occluded_fiducials | how many marks lie under a smear (not drawn: that many on every board) |
    """

    shift_px: NonNegativeFloat = 3.0
    rotation_deg: NonNegativeFloat = 0.5
    scale: float = Field(default=0.003, ge=0.0, lt=0.5)
    blur_sigma_px: NonNegativeFloat = 0.4
    lighting: LightingSettings = LightingSettings()
    noise_sigma: NonNegativeFloat = 1.5
    placement_tolerance_px: NonNegativeFloat = 0.4
    placement_tolerance_deg: NonNegativeFloat = 0.6
    solder_variation: float = Field(default=1.0, ge=0.0, le=3.0)
    occluded_fiducials: NonNegativeInt = Field(default=0, le=4)


UNPERTURBED = PerturbationSettings(
    shift_px=0.0,
    rotation_deg=0.0,
    scale=0.0,
    blur_sigma_px=0.0,
    lighting=LightingSettings(gain=0.0, gradient=0.0, vignette=0.0, colour_cast=0.0, ring_bias=0.0),
    noise_sigma=0.0,
    placement_tolerance_px=0.0,
    placement_tolerance_deg=0.0,
    solder_variation=0.0,
)


class ArchiveSettings(Settings):
    """A whole archive of one design: how many boards, how they are grouped, how they are stored.

    | name | meaning |
    | --- | --- |
    | normal, abnormal | boards without and with a defect; kinds of defects take turns |
    | boards_per_panel, panels_per_lot | boards made next to each other share a panel and a lot |
    | started_at | when the first board was photographed, ISO 8601 |
    | seconds_per_board | between two photographs |
    | line, camera | written into every row |
    | file_type | `png` loses nothing, `jpeg` is what many lines keep |
    | jpeg_quality | 1 to 100, for jpeg only |
    | channels | 1 = grey, 3 = colour |
    """

    normal: NonNegativeInt = 200
    abnormal: NonNegativeInt = 70
    boards_per_panel: PositiveInt = 4
    panels_per_lot: PositiveInt = 6
    started_at: AwareDatetime = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
    seconds_per_board: PositiveFloat = 45.0
    line: str = "line-1"
    camera: str = "top"
    file_type: Literal["png", "jpeg"] = "png"
    jpeg_quality: int = Field(default=92, ge=1, le=100)
    channels: Literal[1, 3] = 3
