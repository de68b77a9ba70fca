"""The VQGAN's training loop: batches, steps, validation, checkpoints; resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Adam

from tasks.reconstruction import schedule
from tasks.reconstruction.checkpoint import (
    read_checkpoint,
    training_fingerprint,
    write_checkpoint,
)
from tasks.reconstruction.collapse import refuse_dead_codebook
from tasks.reconstruction.corruption import corrupted
from tasks.reconstruction.devices import computing_type, training_device
from tasks.reconstruction.errors import TrainingDivergedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes, joined_processes
from tasks.reconstruction.progress import Progress
from tasks.reconstruction.quantizer import perplexity
from tasks.reconstruction.settings import VqganSettings
from tasks.reconstruction.steps import (
    Batch,
    FeatureMaps,
    Losses,
    Workshop,
    discriminator_step,
    generator_step,
)
from tasks.reconstruction.validation import psnr_db, validation_psnr_db
from tasks.reconstruction.vqgan import Redrawing, VqganReconstructor
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.tensors import board_images

Shape = tuple[int, int, int]
_BETAS = (0.9, 0.99)
# Within so many steps dead codes are reborn many times over.
_DEAD_STEPS = 200
_ADVERSARIAL_BETAS = (0.5, 0.9)  # as in the published VQGAN: less momentum against a moving rival


def train_vqgan(
    settings: VqganSettings,
    training_NHWC: UInt8Array,
    validation_NHWC: UInt8Array,
    perception_factory: Callable[[], FeatureMaps],
    workplace: Path,
    on_step: Callable[[TrainingStep], None],
) -> tuple[VqganReconstructor, list[TrainingStep], int]:
    """Return the best reconstructor, the history and the best step; see `training.train`."""
    height, width, channels = training_NHWC.shape[1:]
    shape_CHW = (channels, height, width)
    fingerprint = training_fingerprint(settings, training_NHWC, validation_NHWC)
    cudnn = torch.backends.cudnn
    with (
        joined_processes(settings.device) as processes,
        cudnn.flags(enabled=cudnn.enabled, deterministic=True, allow_tf32=True),
    ):
        shop = _open_workshop(settings, shape_CHW, perception_factory, processes)
        progress = _resume(shop, workplace, fingerprint)
        validation_NCHW = board_images(validation_NHWC)
        while progress.next_step < settings.steps:
            figures = _train_step(shop, _batch(shop, training_NHWC, progress.next_step), progress)
            figures = _validate(shop, validation_NCHW, figures, progress)
            progress.history.append(figures)
            progress.next_step += 1
            refuse_dead_codebook(progress.history, _DEAD_STEPS)
            if processes.is_first:
                _checkpoint_when_due(shop, workplace, fingerprint, progress)
                on_step(figures)
    return _best(shop, shape_CHW, progress), progress.history, progress.best_step


def _open_workshop(
    settings: VqganSettings,
    shape_CHW: Shape,
    perception_factory: Callable[[], FeatureMaps],
    processes: Processes,
) -> Workshop:
    device = training_device(settings.device, processes.node_rank)
    reconstructor = cast("VqganReconstructor", build_reconstructor(settings, shape_CHW)).to(device)
    perception = perception_factory() if settings.perceptual_weight > 0 else None
    if isinstance(perception, nn.Module):
        perception.to(device).to(memory_format=torch.channels_last)
    processes.share(settings.batch_size)
    return Workshop(
        settings=settings,
        reconstructor=reconstructor,
        generator=processes.parallel(reconstructor.generator),
        discriminator=processes.parallel(reconstructor.discriminator),
        generator_optimizer=Adam(reconstructor.generator.parameters(), betas=_BETAS, fused=True),
        discriminator_optimizer=Adam(
            reconstructor.discriminator.parameters(), betas=_ADVERSARIAL_BETAS, fused=True
        ),
        perception=perception,
        processes=processes,
        device=device,
        dtype=computing_type(settings.precision, device),
    )


def _batch(shop: Workshop, training_NHWC: UInt8Array, step: int) -> Batch:
    settings = shop.settings
    mine = shop.processes.share(settings.batch_size)
    targets_NCHW = _images(shop, training_NHWC, step, mine)
    inputs_NCHW = targets_NCHW
    if settings.corruption.kind != "none":
        # The whole batch: what is pasted into an image may come from another process's images.
        whole_BCHW = _images(shop, training_NHWC, step, slice(None))
        draws = schedule.corruption_draws(settings.seed, step)
        inputs_NCHW = _laid_out(corrupted(whole_BCHW, settings.corruption, draws)[mine])
    if settings.code_dropout == 0:
        return Batch(inputs_NCHW, targets_NCHW)
    height, width = (side // settings.downsampling for side in targets_NCHW.shape[2:])
    codes_Bhw = schedule.code_replacements(settings, step, (height, width))
    return Batch(inputs_NCHW, targets_NCHW, codes_Bhw[mine].to(shop.device))


def _images(shop: Workshop, training_NHWC: UInt8Array, step: int, part: slice) -> Tensor:
    settings = shop.settings
    indices_B = schedule.batch_indices(settings.seed, step, settings.batch_size, len(training_NHWC))
    images_NCHW = board_images(training_NHWC[indices_B[part]])
    if settings.flips:
        flips_B2 = schedule.batch_flips(settings.seed, step, settings.batch_size)
        images_NCHW = schedule.flipped(images_NCHW, flips_B2[part])
    return _laid_out(images_NCHW.to(shop.device))


def _laid_out(images_NCHW: Tensor) -> Tensor:
    return images_NCHW.contiguous(memory_format=torch.channels_last)


def _train_step(shop: Workshop, batch: Batch, progress: Progress) -> TrainingStep:
    settings, step = shop.settings, progress.next_step
    rate = schedule.learning_rate(settings, step)
    redrawing, losses = generator_step(shop, batch, step, rate)
    uses_K, revived = _tend_codebook(shop, redrawing, step)
    if step >= settings.discriminator_start_step:
        losses |= discriminator_step(shop, batch.targets_NCHW, redrawing.images_NCHW)
    values: dict[str, Any] = {**_finite_values(shop, losses, step)}
    return TrainingStep(
        step=step,
        learning_rate=rate,
        psnr_db=float(psnr_db(torch.tensor(values["pixel_loss"]))),
        perplexity=perplexity(uses_K),
        used_codes=int((uses_K > 0).sum()),
        revived_codes=revived,
        **values,
    )


def _tend_codebook(shop: Workshop, redrawing: Redrawing, step: int) -> tuple[Tensor, int | None]:
    settings, processes = shop.settings, shop.processes
    quantizer = shop.reconstructor.generator.quantizer
    latent_NDhw = redrawing.latent_NDhw.detach()
    uses_K = quantizer.update(latent_NDhw, redrawing.indices_Nhw, processes.total)
    if not schedule.revival_is_due(settings, step):
        return uses_K, None
    # One process's latents for all, so that all keep one codebook.
    latents_VD = processes.from_first(latent_NDhw.permute(0, 2, 3, 1).flatten(0, 2))
    uniform_uses = len(latents_VD) * processes.count / settings.codebook_entries
    seed = schedule.revival_seed(settings.seed, step)
    return uses_K, quantizer.revive(latents_VD, settings.revival_threshold, uniform_uses, seed)


def _finite_values(shop: Workshop, losses: Losses, step: int) -> dict[str, float]:
    stacked = torch.stack([loss.detach().float() for loss in losses.values()])
    values = dict(zip(losses, shop.processes.mean(stacked).tolist(), strict=True))
    wrong = [name for name, value in values.items() if not isfinite(value)]
    if wrong:
        raise TrainingDivergedError(
            f"In step {step} the training diverged: {', '.join(wrong)} not finite.",
            "Lower `learning_rate` or `adversarial_weight`, then train in an empty workplace.",
        )
    return values


def _validate(
    shop: Workshop, validation_NCHW: Tensor, figures: TrainingStep, progress: Progress
) -> TrainingStep:
    settings, done = shop.settings, figures.step + 1
    if done % settings.validate_every and done != settings.steps:
        return figures
    # Every process validates: the others would only wait for the first one.
    psnr = validation_psnr_db(shop.reconstructor, validation_NCHW)
    if not isfinite(psnr):
        raise TrainingDivergedError(
            f"After step {figures.step} the validation images cannot be reconstructed.",
            "Lower `learning_rate`, then train in an empty workplace.",
        )
    if psnr > progress.best_psnr_db:
        progress.best_psnr_db, progress.best_step = psnr, figures.step
        progress.best_state = {
            name: value.detach().cpu().clone()
            for name, value in shop.reconstructor.generator.state_dict().items()
        }
    return replace(figures, validation_psnr_db=psnr)


def _checkpoint_when_due(
    shop: Workshop, workplace: Path, fingerprint: str, progress: Progress
) -> None:
    settings = shop.settings
    if progress.next_step % settings.checkpoint_every and progress.next_step != settings.steps:
        return
    state = {
        "reconstructor": shop.reconstructor.state_dict(),
        "generator_optimizer": shop.generator_optimizer.state_dict(),
        "discriminator_optimizer": shop.discriminator_optimizer.state_dict(),
    }
    write_checkpoint(workplace, fingerprint, state | progress.as_state())


def _resume(shop: Workshop, workplace: Path, fingerprint: str) -> Progress:
    state = read_checkpoint(workplace, fingerprint)
    # No process may write before all have read.
    shop.processes.wait_for_all()
    if state is None:
        return Progress()
    shop.reconstructor.load_state_dict(state["reconstructor"])
    shop.generator_optimizer.load_state_dict(state["generator_optimizer"])
    shop.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
    return Progress.from_state(state)


def _best(shop: Workshop, shape_CHW: Shape, progress: Progress) -> VqganReconstructor:
    """Join the best generator with the last discriminator.

    The discriminator starts late and learns to the end; an earlier one would judge by chance.
    """
    best = cast("VqganReconstructor", build_reconstructor(shop.settings, shape_CHW))
    best.generator.load_state_dict(progress.best_state)
    best.discriminator.load_state_dict(shop.reconstructor.discriminator.state_dict())
    return best
