"""What one training step tells: the record behind every curve."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainingStep:
    """Figures of one step, before its update; plain numbers, so `dataclasses.asdict` is JSON.

    None = not computed in this step. Losses are means over the batch (and over all processes).
    `perplexity` is exp(entropy) of the codes used in the batch, between 1 and codebook entries;
    `used_codes` counts the distinct ones; `psnr_db` is the training batch's; `gradient_norm` is the
    generator's before clipping; `validation_psnr_db` is the mean over the validation images after
    the update. `losses` are those of the other systems, by name.
    """

    step: int
    learning_rate: float
    pixel_loss: float | None = None
    psnr_db: float | None = None
    perceptual_loss: float | None = None
    commitment_loss: float | None = None
    codebook_loss: float | None = None
    adversarial_loss: float | None = None
    adaptive_weight: float | None = None
    discriminator_loss: float | None = None
    perplexity: float | None = None
    used_codes: int | None = None
    revived_codes: int | None = None
    gradient_norm: float | None = None
    validation_psnr_db: float | None = None
    losses: dict[str, float] = field(default_factory=dict)
