"""Settings of the screening for confounds and leaks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from tasks.vocabulary.settings import Settings


class ConfoundSettings(Settings):
    """From where on a trivial property is a warning, and how its chance level is found.

    `level` 0.75 is half-way from chance (0.5) to certainty (1): the property alone ranks a defect and
    a good board rightly in three of four pairs. Real defects move grey levels a little by themselves,
    so a lower level would warn of every honest set; a lamp, an encoder or a crop reaches 0.9 and more.
    A warning needs this level *and* more than chance gives to the best of all properties.
    """

    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.75
    leak: float = Field(0.03, gt=0, description="AUROC that ignoring groups may add unmentioned")
    permutations: PositiveInt = 200
    folds: int = Field(5, ge=2)
    repeats: int = Field(5, ge=2)
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: int = 0
