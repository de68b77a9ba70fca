"""Settings of certification."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.vocabulary.settings import Settings


class CertificationSettings(Settings):
    """How sure a claim has to be, and which escape fractions the price ladder shows.

    `confidence` is that of the one-sided escape bound and of the two-sided false-call intervals.
    `escape_rate` is the share of defects that may be missed: the threshold becomes the highest
    out-of-fold score of a defect that keeps it at this confidence; None misses no known defect.
    `escape_fractions` are shares of the calibration defects that a step of the ladder may miss.
    `renewal`: a bundle is certified anew once images of either class have grown by this share, and at once
    where a new known defect would escape; 0: whenever an image is new, each time another look.
    """

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    escape_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    renewal: Annotated[float, Field(ge=0, le=1)] = 0.25
    escape_fractions: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = (0.0, 0.01, 0.02, 0.05)
