"""What the training courses of all systems but the VQGAN have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from tasks.vocabulary.settings import Settings


class CourseSettings(Settings):
    """Times are counted in steps of one batch; learning rates are constant.

    | setting | meaning |
    | --- | --- |
    | `gradient_limit` | norm that the gradients of one network are cut to; None = not cut |
    | `flips` | mirror training images at random; off for products whose sides differ |
    | `precision` | of convolutions while training: `auto` = bfloat16 where hardware has it |
    | `validate_every` | steps between two looks at the validation images |
    | `chance_steps` | a discriminator that so long cannot tell real from drawn has collapsed |
    """

    steps: PositiveInt = 1000
    batch_size: PositiveInt = 16
    gradient_limit: PositiveFloat | None = None
    flips: bool = True
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "auto"
    validate_every: PositiveInt = 200
    checkpoint_every: PositiveInt = 200
    chance_steps: PositiveInt = 500
    seed: int = Field(default=0, ge=0)
