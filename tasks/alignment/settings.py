"""Settings of the alignment room."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    FiniteFloat,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from tasks.vocabulary.settings import Settings

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
# A similarity has four unknowns (two marks), an affine pose six (three marks).
# Three marks in a triangle flatter than this tell nothing of the other direction.
MIN_TRIANGLE_SHARE = 0.05
MARKS_NEEDED = {"similarity": 2, "affine": 3}


class PhotometrySettings(Settings):
    """What is done to the intensities of a board image.

    | name | meaning |
    | --- | --- |
    | gamma | `intensity ** gamma` on [0, 1]: above 1 darkens and spreads the bright end, below 1 lightens |
    | match_reference | first a gain and an offset per channel that bring it to the reference's |

    The paper on 3D-printed parts uses a gamma of 6 against overexposure (section 4.1).
    """

    gamma: Annotated[FiniteFloat, Field(gt=0.0)] = 1.0
    match_reference: bool = False


class ReferenceSettings(Settings):
    """Which board all others are brought to.

    `golden`: the name of a photograph in the archive. Without it: the median of `median_of` normals,
    registered to the first of them.
    """

    golden: str | None = None
    median_of: PositiveInt = 15


class AlignmentLimits(Settings):
    """A board beyond one of these goes to a person.

    | name | meaning |
    | --- | --- |
    | residual_px | how far content may lie from the reference's place, anywhere on the board (board px) |
    | overlap | least share of the board image that the photograph covers |
    | confidence | least agreement of board and reference, see `residuals` |
    """

    residual_px: PositiveFloat = 0.5
    overlap: Fraction = 0.9
    confidence: Fraction = 0.4


class NoAlignment(Settings):
    """Trivial member: the camera delivers aligned images; only the size changes."""

    kind: Literal["none"] = "none"
    side_px: PositiveInt
    photometry: PhotometrySettings = PhotometrySettings()

    @model_validator(mode="after")
    def _nothing_to_match(self) -> Self:
        if self.photometry.match_reference:
            raise ValueError(
                "match_reference needs a reference, and alignment 'none' has none; "
                "choose another alignment or leave match_reference out"
            )
        return self


class Mark(Settings):
    """A fiducial mark in pixels of the reference photograph; `radius_px` of what stands out there."""

    x_px: NonNegativeFloat
    y_px: NonNegativeFloat
    radius_px: Annotated[FiniteFloat, Field(ge=2.0)]


class FiducialAlignment(Settings):
    """Two to four marks, each searched within `search_px` photograph px of its place."""

    kind: Literal["fiducials"] = "fiducials"
    side_px: PositiveInt
    marks: Annotated[tuple[Mark, ...], Field(min_length=2, max_length=4)]
    search_px: PositiveInt
    model: Literal["similarity", "affine"] = "similarity"
    photometry: PhotometrySettings = PhotometrySettings()
    reference: ReferenceSettings = ReferenceSettings()
    limits: AlignmentLimits = AlignmentLimits()

    @model_validator(mode="after")
    def _enough_marks(self) -> Self:
        needed = MARKS_NEEDED[self.model]
        if len(self.marks) < needed:
            raise ValueError(
                f"model {self.model!r} needs at least {needed} marks, not {len(self.marks)}; "
                "add a mark or choose model 'similarity'"
            )
        return self

    @model_validator(mode="after")
    def _marks_span_the_board(self) -> Self:
        pairs = list(combinations([(mark.x_px, mark.y_px) for mark in self.marks], 2))
        reaches = [mark.radius_px for mark in self.marks]
        if min(math.dist(one, other) for one, other in pairs) < 2 * max(reaches):
            raise ValueError("two marks lie at one place; name each mark once")
        if self.model == "affine" and self._widest_triangle() < MIN_TRIANGLE_SHARE:
            raise ValueError("the marks lie on one line; add one beside it or choose 'similarity'")
        return self

    def _widest_triangle(self) -> float:
        """Twice the largest triangle between three marks, over the longest distance squared."""
        points = [complex(mark.x_px, mark.y_px) for mark in self.marks]
        longest = max(abs(one - other) for one, other in combinations(points, 2))
        doubled = [abs(((b - a).conjugate() * (c - a)).imag) for a, b, c in combinations(points, 3)]
        return max(doubled, default=0.0) / longest**2


class EccAlignment(Settings):
    """Intensity registration from coarse to fine (enhanced correlation coefficient).

    It starts from the best of all shifts up to `search_px` (photograph px) and turns up to
    `search_deg`. A translation cannot follow a change of scale, nor can the euclidean model.
    """

    kind: Literal["ecc"] = "ecc"
    side_px: PositiveInt
    model: Literal["translation", "euclidean", "affine"] = "affine"
    search_px: PositiveInt = 64
    search_deg: Annotated[FiniteFloat, Field(ge=0.0, le=45.0)] = 4.0
    photometry: PhotometrySettings = PhotometrySettings()
    reference: ReferenceSettings = ReferenceSettings()
    limits: AlignmentLimits = AlignmentLimits()


class FeatureAlignment(Settings):
    """ORB features and RANSAC: finds a board in any place and at any angle.

    `homography` is for a camera whose tilt changes from board to board; elsewhere its two more unknowns
    only follow the placement tolerance of parts (on synthetic boards: twice the error of a similarity).
    A board turned by more than `largest_turn_deg` goes to a person all the same: the light falls on it
    from another side, and its line has lost hold of it. 180 lets any angle pass, upside down included.
    """

    kind: Literal["features"] = "features"
    side_px: PositiveInt
    model: Literal["similarity", "affine", "homography"] = "similarity"
    features: Annotated[int, Field(ge=100)] = 2000
    largest_turn_deg: Annotated[FiniteFloat, Field(ge=0.0, le=180.0)] = 30.0
    photometry: PhotometrySettings = PhotometrySettings()
    reference: ReferenceSettings = ReferenceSettings()
    limits: AlignmentLimits = AlignmentLimits()


# The members that register a photograph to a reference.
RegisteringSettings = FiducialAlignment | EccAlignment | FeatureAlignment
# The union of aligners; a new one joins here and in `aligners`.
AlignmentSettings = Annotated[
    NoAlignment | FiducialAlignment | EccAlignment | FeatureAlignment, Field(discriminator="kind")
]
