"""A suspected defect, on the board image and on the photograph; light to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """One suspected defect of a board image, in its pixels.

    `box` holds all its candidates, or suspect places: both are called candidates here. `score` is the
    highest of theirs and ranks regions: of 150 synthetic defects the first region of candidates hit 46,
    against 36 when ranked by `total`, their sum. `candidates` counts distinct boxes, `area_px` the pixels
    that they cover. Scores are Fréchet distances of candidates or Mahalanobis distances of places: the
    one or the other on all boards of a bundle.
    """

    box: tuple[int, int, int, int]
    score: float
    total: float
    candidates: int
    area_px: int


@dataclass(frozen=True)
class PhotographedRegion:
    """A region of a board image and where it lies in the photograph, in its px.

    `outline` are the four corners (x, y) of the region's box, from its top left along the top: they may
    lie beyond the border. `box` (top, left, bottom, right) is upright around them, cut to the photograph.
    """

    region: Region
    outline: tuple[tuple[float, float], ...]
    box: tuple[float, float, float, float]
