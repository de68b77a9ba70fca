"""Trainings that end without a model that redraws anything: seen, stopped and told, not shipped."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from tasks.reconstruction.errors import TrainingCollapsedError
from tasks.reconstruction.history import TrainingStep

GAP = "discriminator_gap"
"""Name among a step's losses: mean D(x) of real images minus that of drawn ones, as probabilities."""
_SMALLEST_GAP = 0.01
_SMALLEST_SPREAD = 1e-3
_FEWEST_CODES = 1.5


def refuse_one_output(images_NCHW: Tensor, outputs_NCHW: Tensor) -> None:
    """TrainingCollapsedError where different images are all redrawn as one.

    One = their spread (standard deviation between images, mean over pixels) is below a thousandth of
    the images' own. A single image, and images that are all alike, cannot show it.
    """
    if len(images_NCHW) < 2:
        return
    own, drawn = _spread(images_NCHW), _spread(outputs_NCHW)
    if drawn < _SMALLEST_SPREAD * own:
        raise TrainingCollapsedError(
            f"The training collapsed: {len(images_NCHW)} validation images are redrawn as one and "
            f"the same (spread {drawn:.2g}, their own {own:.2g}).",
            "Lower the learning rates or train longer, then train in an empty workplace.",
        )


def refuse_one_drawing(images_NCHW: Tensor, drawn_NCHW: Tensor) -> None:
    """TrainingCollapsedError where a generator draws different latents as one image.

    One as above, measured against the spread of the real `images_NCHW`, which may be others.
    """
    if min(len(images_NCHW), len(drawn_NCHW)) < 2:
        return
    own, drawn = _spread(images_NCHW), _spread(drawn_NCHW)
    if drawn < _SMALLEST_SPREAD * own:
        raise TrainingCollapsedError(
            f"The training collapsed: the generator draws {len(drawn_NCHW)} latents as one and the "
            f"same image (spread {drawn:.2g}, real images {own:.2g}).",
            "Lower the generator's learning rate or train it longer, then train in an empty "
            "workplace.",
        )


def _spread(images_NCHW: Tensor) -> float:
    return float(images_NCHW.std(dim=0).mean())


def refuse_chance(history: Sequence[TrainingStep], chance_steps: int) -> None:
    """TrainingCollapsedError where the discriminator has told nothing apart for `chance_steps`."""
    gaps = [step.losses[GAP] for step in history[-chance_steps:] if GAP in step.losses]
    if len(gaps) == chance_steps and max(map(abs, gaps)) < _SMALLEST_GAP:
        raise TrainingCollapsedError(
            f"The training collapsed: for {chance_steps} steps the discriminator has not told real "
            f"from drawn images (at most {_SMALLEST_GAP} apart).",
            "Raise the discriminator's learning rate, or lower the noise on its inputs; then train "
            "in an empty workplace.",
        )


def refuse_dead_codebook(history: Sequence[TrainingStep], steps: int) -> None:
    """TrainingCollapsedError where one code has done all the work for so many `steps`."""
    perplexities = [step.perplexity for step in history[-steps:] if step.perplexity is not None]
    if len(perplexities) == steps and max(perplexities) < _FEWEST_CODES:
        raise TrainingCollapsedError(
            f"The training collapsed: for {steps} steps the codebook has been one code.",
            "Lower `commitment_weight` or raise `revival_threshold`; then train in an empty "
            "workplace.",
        )
