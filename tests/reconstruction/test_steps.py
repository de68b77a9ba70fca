"""Which phase moves which weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Adam

from tasks.perception.backbone import build_perception
from tasks.perception.settings import PixelsSettings
from tasks.reconstruction.losses import (
    adversarial_loss,
    commitment_loss,
    perceptual_loss,
    pixel_loss,
)
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.settings import VqganSettings
from tasks.reconstruction.steps import Batch, Workshop, discriminator_step, generator_step
from tasks.reconstruction.vqgan import VqganReconstructor
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.tiny import gratings, tiny_settings


def workshop(settings: VqganSettings) -> Workshop:
    reconstructor = build_reconstructor(settings, (1, 16, 16))
    assert isinstance(reconstructor, VqganReconstructor)
    return Workshop(
        settings=settings,
        reconstructor=reconstructor,
        generator=reconstructor.generator,
        discriminator=reconstructor.discriminator,
        generator_optimizer=Adam(reconstructor.generator.parameters()),
        discriminator_optimizer=Adam(reconstructor.discriminator.parameters()),
        perception=build_perception(PixelsSettings()),
        processes=Processes(),
        device=torch.device("cpu"),
        dtype=torch.float32,
    )


def clean(stored_NHWC: UInt8Array) -> Batch:
    images_NCHW = board_images(stored_NHWC)
    return Batch(images_NCHW, images_NCHW)


def moved(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in module.state_dict().items() if not value.equal(before[name])}


def copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_generator_step_moves_the_generator_only() -> None:
    shop = workshop(tiny_settings(codebook_update="gradient"))
    before = copied(shop.reconstructor)
    generator_step(shop, clean(gratings(4)), step=4, learning_rate=1e-2)
    names = moved(shop.reconstructor, before)
    assert "generator.quantizer.codebook_KD" in names
    assert {name.split(".")[1] for name in names} == {"encoder", "quantizer", "decoder"}
    assert names >= {
        name
        for name, _ in shop.reconstructor.generator.encoder.named_parameters(
            prefix="generator.encoder"
        )
    }
    assert all(p.grad is None for p in shop.reconstructor.discriminator.parameters())


def test_ema_codebook_feels_no_gradient() -> None:
    shop = workshop(tiny_settings())
    before = copied(shop.reconstructor)
    generator_step(shop, clean(gratings(4)), step=4, learning_rate=1e-2)
    assert not any("quantizer" in name for name in moved(shop.reconstructor, before))


def test_discriminator_step_moves_the_discriminator_only() -> None:
    shop = workshop(tiny_settings())
    images = board_images(gratings(4))
    redrawing = shop.reconstructor.generator(images)
    before = copied(shop.reconstructor)
    discriminator_step(shop, images, redrawing.images_NCHW)
    names = moved(shop.reconstructor, before)
    assert names == {name for name in before if name.startswith("discriminator.")}
    assert all(p.grad is None for p in shop.reconstructor.generator.parameters())


def test_discriminator_learns_to_tell_apart() -> None:
    shop = workshop(tiny_settings(discriminator_learning_rate=5e-3))
    real, fake = board_images(gratings(8)), torch.full((8, 1, 16, 16), 0.5)
    losses = [discriminator_step(shop, real, fake)["discriminator_loss"].item() for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]
    realness = shop.reconstructor.discriminator
    assert realness(real).mean() > 0 > realness(fake).mean()


def test_generator_gradient_is_that_of_the_whole_loss() -> None:
    """Pixel + perceptual + λ adversarial + commitment, differentiated in one go by autograd."""
    settings = tiny_settings(gradient_limit=1e9, adversarial_weight=0.7)
    shop, images = workshop(settings), board_images(gratings(4))
    _, losses = generator_step(shop, Batch(images, images), step=4, learning_rate=0.0)
    taken = {n: p.grad.clone() for n, p in shop.generator.named_parameters() if p.grad is not None}
    shop.generator_optimizer.zero_grad()
    redrawing = shop.reconstructor.generator(images)
    drawn = redrawing.images_NCHW
    assert shop.perception is not None
    reconstruction = pixel_loss(images, drawn) + settings.perceptual_weight * perceptual_loss(
        shop.perception(images)[-1], shop.perception(drawn)[-1]
    )
    adversarial = adversarial_loss(shop.reconstructor.discriminator(drawn))
    total = (
        reconstruction
        + settings.adversarial_weight * losses["adaptive_weight"] * adversarial
        + settings.commitment_weight * commitment_loss(redrawing.latent_NDhw, redrawing.codes_NDhw)
    )
    torch.autograd.backward(total)
    last = shop.reconstructor.generator.decoder.last_layer.weight
    for name, parameter in shop.generator.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(taken[name], parameter.grad, atol=1e-6, rtol=1e-3), name
    drawn = shop.reconstructor.generator(images).images_NCHW
    first = pixel_loss(images, drawn) + settings.perceptual_weight * perceptual_loss(
        shop.perception(images)[-1], shop.perception(drawn)[-1]
    )
    second = adversarial_loss(shop.reconstructor.discriminator(drawn))
    (first_gradient,) = torch.autograd.grad(first, last, retain_graph=True)
    (second_gradient,) = torch.autograd.grad(second, last)
    expected = first_gradient.norm() / (second_gradient.norm() + 1e-6)
    assert torch.isclose(losses["adaptive_weight"], expected, rtol=1e-3)


def test_steps_without_perception_or_adversary_say_so() -> None:
    shop, batch = workshop(tiny_settings()), clean(gratings(4))
    _, even = generator_step(shop, batch, step=0, learning_rate=1e-3)
    _, odd = generator_step(shop, batch, step=1, learning_rate=1e-3)
    assert {"perceptual_loss"} <= even.keys()
    assert odd.keys() == {"pixel_loss", "commitment_loss", "gradient_norm"}
