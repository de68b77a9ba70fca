"""Corrupted inputs: repeatable, in range, of the asked share and size, and never in the targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tasks.perception.backbone import build_perception
from tasks.perception.settings import PixelsSettings
from tasks.reconstruction.checkpoint import training_fingerprint
from tasks.reconstruction.corruption import corrupted, perlin_noise
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.losses import pixel_loss
from tasks.reconstruction.schedule import code_replacements, corruption_draws
from tasks.reconstruction.settings import CorruptionSettings, VqganSettings
from tasks.reconstruction.steps import Batch, FeatureMaps, generator_step
from tasks.reconstruction.training import TrainedReconstructor, train
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_steps import workshop
from tests.reconstruction.tiny import gratings, tiny_settings

KINDS = ("cut_paste", "perlin", "both")


def pixels() -> FeatureMaps:
    return build_perception(PixelsSettings())


def train_tiny(workplace: Path, interrupt_at: int = -1, **changes: Any) -> TrainedReconstructor:
    def heard(step: TrainingStep) -> None:
        if step.step == interrupt_at:
            raise KeyboardInterrupt

    images = gratings(10)
    return train(tiny_settings(**changes), images[:8], images[8:], pixels, workplace, heard)


def same_weights(one: TrainedReconstructor, other: TrainedReconstructor) -> bool:
    first, second = one.reconstructor.state_dict(), other.reconstructor.state_dict()
    return all(torch.equal(value, second[name]) for name, value in first.items())


def boards(count: int, channels: int = 1, side: int = 64) -> Tensor:
    return board_images(gratings(count, side=side, channels=channels))


def changed(images: Tensor, kind: str, step: int = 0, **settings: Any) -> Tensor:
    """`[N, H, W]`: the pixels that a corruption changed."""
    chosen = CorruptionSettings.model_validate({"kind": kind, **settings})
    return (corrupted(images, chosen, corruption_draws(0, step)) != images).any(dim=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_step_s_corruption_is_repeatable_in_range_and_leaves_the_batch_alone(
    kind: str, channels: int
) -> None:
    images = boards(6, channels)
    before = images.clone()
    settings = CorruptionSettings.model_validate({"kind": kind})
    made = [corrupted(images, settings, corruption_draws(seed, 3)) for seed in (0, 0, 1)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert torch.equal(images, before)
    assert made[0].shape == images.shape
    assert all(one.min() >= 0 and one.max() <= 1 for one in made)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("share", "count", "struck"), [(0.5, 8, 4), (1.0, 5, 5), (0.25, 4, 1)])
def test_the_share_of_corrupted_images_is_the_asked_one(
    kind: str, share: float, count: int, struck: int
) -> None:
    # At full opacity and from strange images, every corruption shows.
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for step in range(5):
        shown = changed(images, kind, step, share=share, opacity=(1, 1)).flatten(1).any(dim=1)
        assert int(shown.sum()) == struck


def test_an_uneven_share_is_right_on_average() -> None:
    images = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    counts = [
        int(changed(images, "perlin", step, opacity=(1, 1)).flatten(1).any(dim=1).sum())
        for step in range(200)
    ]
    assert set(counts) == {1, 2}
    assert np.mean(counts) == pytest.approx(1.5, abs=0.15)


def test_blobs_cover_the_asked_area() -> None:
    images = torch.rand(8, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    shares = [
        changed(images, "perlin", step, share=1, perlin_area=(0.1, 0.1), opacity=(1, 1))
        .float()
        .mean(dim=(1, 2))
        for step in range(3)
    ]
    # A pixel whose texture happens to be its own value does not show.
    assert torch.cat(shares).numpy() == pytest.approx(0.1, abs=0.02)


def test_patches_and_scars_stay_small_and_are_never_empty() -> None:
    images = torch.rand(16, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    shares = torch.cat(
        [changed(images, "cut_paste", step, share=1).float().mean(dim=(1, 2)) for step in range(5)]
    )
    assert shares.min() > 0
    assert shares.max() < 0.2
    scars = changed(images, "cut_paste", share=1, patch_area=(1e-6, 1e-6), scar_length=(0.5, 0.5))
    longest = max(
        int(np.ptp(np.argwhere(scar.numpy()), axis=0).max()) + 1 for scar in scars if scar.any()
    )
    assert 20 <= longest <= 34


def test_noise_is_smooth_within_cells_and_zero_at_their_corners() -> None:
    """Gradient noise vanishes on the lattice; one cell a side has its corners outside the pixels."""
    like = torch.zeros(1, 1, 64, 64)
    noise = perlin_noise(50, 2, like, np.random.default_rng(0))
    middle = noise[:, 31:33, 31:33].abs().amax(dim=(1, 2))
    both_sides_halved = middle < 0.05
    assert 5 <= int(both_sides_halved.sum()) <= 25
    assert noise.diff(dim=1).abs().max() < 0.15
    assert noise.abs().max() <= 1.0
    assert noise.std() > 0.1


def test_the_generator_is_judged_by_the_clean_targets() -> None:
    settings = tiny_settings(adversarial_weight=0.0)
    shop, targets = workshop(settings), board_images(gratings(4))
    inputs = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    redrawing, losses = generator_step(shop, Batch(inputs, targets), step=1, learning_rate=0.0)
    drawn = shop.reconstructor.generator(inputs).images_NCHW
    assert torch.equal(redrawing.images_NCHW, drawn)
    assert losses["pixel_loss"] == pixel_loss(targets, drawn)


@pytest.mark.parametrize(
    "changes",
    [{"corruption": {"kind": "both"}, "code_dropout": 0.2}, {"corruption": {"kind": "cut_paste"}}],
)
def test_interrupted_training_with_corruption_ends_with_the_same_bits(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "cut", interrupt_at=4, **changes)
    resumed = train_tiny(tmp_path / "cut", **changes)
    whole = train_tiny(tmp_path / "whole", **changes)
    assert same_weights(resumed, whole)
    assert resumed.history == whole.history
    assert not same_weights(whole, train_tiny(tmp_path / "clean"))


def test_switched_off_it_changes_no_bit_and_no_fingerprint(tmp_path: Path) -> None:
    images = gratings(2)
    plain, off = tiny_settings(), tiny_settings(corruption={"kind": "none"}, code_dropout=0.0)
    assert training_fingerprint(plain, images) == training_fingerprint(off, images)
    assert not {"corruption", "code_dropout"} & plain.model_dump(mode="json").keys()
    # Another share of nothing, so that these settings do say `corruption`.
    none = train_tiny(tmp_path / "none", corruption={"kind": "none", "share": 0.3})
    assert same_weights(train_tiny(tmp_path / "plain"), none)


@pytest.mark.parametrize("changes", [{"corruption": {"kind": "perlin"}}, {"code_dropout": 0.1}])
def test_switched_on_it_is_stored_and_read_again(changes: dict[str, Any]) -> None:
    settings = tiny_settings(**changes)
    assert VqganSettings.model_validate_json(settings.model_dump_json()) == settings
    assert settings.model_dump().keys() >= changes.keys()
    images = gratings(2)
    assert training_fingerprint(settings, images) != training_fingerprint(tiny_settings(), images)


def test_dropped_codes_are_any_codes_in_the_asked_share_of_places() -> None:
    settings = tiny_settings(code_dropout=0.25, batch_size=16)
    codes = code_replacements(settings, 5, (20, 20))
    assert torch.equal(codes, code_replacements(settings, 5, (20, 20)))
    assert not torch.equal(codes, code_replacements(settings, 6, (20, 20)))
    put = codes[codes >= 0]
    assert len(put) / codes.numel() == pytest.approx(0.25, abs=0.02)
    assert set(put.tolist()) == set(range(32))


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_the_decoder_sees_the_replaced_codes_and_the_encoder_feels_only_the_others(
    update: str,
) -> None:
    generator = workshop(tiny_settings(codebook_update=update)).reconstructor.generator
    images = board_images(gratings(2))
    replacements = torch.full((2, 4, 4), -1)
    kept = generator(images, replacements)
    assert torch.equal(kept.images_NCHW, generator(images).images_NCHW)
    replacements[0] = 7
    latent = kept.latent_NDhw.detach().requires_grad_()
    seen = generator.quantizer.replaced(latent * 1.0, replacements)
    assert torch.equal(seen[0], generator.quantizer.codebook_KD[7][:, None, None].expand(8, 4, 4))
    assert torch.equal(seen[1], latent[1])
    (gradient,) = torch.autograd.grad(seen.sum(), latent)
    assert gradient[0].abs().max() == 0
    assert gradient[1].min() == 1
    changed_drawing = generator(images, replacements)
    assert not torch.equal(changed_drawing.images_NCHW[0], kept.images_NCHW[0])
    assert torch.equal(changed_drawing.indices_Nhw, kept.indices_Nhw)
    assert torch.equal(changed_drawing.codes_NDhw, kept.codes_NDhw)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "blur"},
        {"share": 0},
        {"share": 1.5},
        {"patch_area": (0.2, 0.1)},
        {"patch_aspect": (0.5, 2.0)},
        {"perlin_cells": 0},
        {"opacity": (0.0, 1.0)},
    ],
)
def test_impossible_corruptions_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CorruptionSettings.model_validate(wrong)
