"""The conformance suite: every member of the union passes it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasks.reconstruction.persistence import (
    build_reconstructor,
    load_reconstructor,
    save_reconstructor,
)
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.settings import MeanImageSettings, ReconstructionSettings
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.scores import OWN_SCORES
from tests.reconstruction.test_anogan import tiny as tiny_anogan
from tests.reconstruction.test_ganodip import tiny as tiny_ganodip
from tests.reconstruction.test_ganomaly import tiny_ganomaly
from tests.reconstruction.test_latent_distance import tiny_latent_distance
from tests.reconstruction.test_vae import tiny_vae
from tests.reconstruction.tiny import tiny_settings

MEMBERS = {
    "mean_image": MeanImageSettings(),
    "vae": tiny_vae(),
    "ganomaly": tiny_ganomaly(),
    "vqgan": tiny_settings(),
    "vqgan_gradient": tiny_settings(codebook_update="gradient"),
    "vqgan_convolution": tiny_settings(stem="convolution", widths=(4, 8, 8)),
    "ganodip": tiny_ganodip(),
    "anogan": tiny_anogan(gamma=2.0),
    "latent_distance": tiny_latent_distance(),
}
everyone = pytest.mark.parametrize("settings", MEMBERS.values(), ids=MEMBERS.keys())


def reconstructor_of(settings: ReconstructionSettings, channels: int = 1) -> Reconstructor:
    reconstructor = build_reconstructor(settings, (channels, 16, 24))
    with torch.no_grad():
        # The mean image starts black: give every member something to say.
        for value in filter(torch.is_floating_point, reconstructor.state_dict().values()):
            value.add_(torch.rand(value.shape, generator=torch.Generator().manual_seed(3)) / 4)
    return reconstructor


@everyone
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_ranges_and_capabilities(settings: ReconstructionSettings, channels: int) -> None:
    reconstructor = reconstructor_of(settings, channels)
    images = torch.rand(3, channels, 16, 24)
    made = reconstructor.reconstruct(images)
    assert made.images_NCHW.shape == images.shape
    assert made.images_NCHW.dtype == torch.float32
    assert made.images_NCHW.min() >= 0
    assert made.images_NCHW.max() <= 1
    assert not made.images_NCHW.requires_grad
    parts = {
        "latent": (made.latent_NDhw, made.quantized_NDhw),
        "discriminator": (made.realness_input_Nhw, made.realness_output_Nhw),
    }
    for capability, values in parts.items():
        for value in values:
            assert (value is not None) == (capability in reconstructor.capabilities)
            assert value is None or len(value) == 3
    assert (made.scores_NS is not None) == bool(reconstructor.own_scores)
    assert set(reconstructor.own_scores) <= set(OWN_SCORES)
    if made.scores_NS is not None:
        assert made.scores_NS.shape == (3, len(reconstructor.own_scores))
        assert made.scores_NS.isfinite().all()


@everyone
def test_same_bits_whatever_the_batch(settings: ReconstructionSettings) -> None:
    reconstructor = reconstructor_of(settings)
    images = torch.rand(7, 1, 16, 24)
    together = reconstructor.reconstruct(images)
    halves = [reconstructor.reconstruct(part) for part in (images[:2], images[2:])]
    strided = reconstructor.reconstruct(images.contiguous(memory_format=torch.channels_last))
    with torch.autocast("cpu", torch.bfloat16):
        autocast = reconstructor.reconstruct(images)
    for position, whole in enumerate(together):
        if whole is None:
            continue
        for other in (strided[position], autocast[position]):
            assert other is not None
            assert torch.equal(whole, other)
        first, second = halves[0][position], halves[1][position]
        assert first is not None
        assert second is not None
        assert torch.equal(whole, torch.cat([first, second]))


@everyone
def test_saved_and_loaded_draws_the_same_bits(
    settings: ReconstructionSettings, tmp_path: Path
) -> None:
    reconstructor = reconstructor_of(settings)
    save_reconstructor(reconstructor, tmp_path / "deep" / "model.safetensors")
    loaded = load_reconstructor(settings, (1, 16, 24), tmp_path / "deep" / "model.safetensors")
    images = torch.rand(2, 1, 16, 24)
    for one, other in zip(
        reconstructor.reconstruct(images), loaded.reconstruct(images), strict=True
    ):
        assert (one is None and other is None) or torch.equal(one, other)  # type: ignore[arg-type]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model.safetensors"]


@everyone
@pytest.mark.parametrize(
    "images",
    [
        torch.full((1, 1, 16, 24), float("nan")),
        torch.full((1, 1, 16, 24), 1.5),
        torch.full((1, 1, 16, 24), -0.1),
        torch.rand(1, 2, 16, 24),
        torch.rand(0, 1, 16, 24),
        torch.rand(1, 16, 24),
        torch.rand(1, 1, 15, 24),
    ],
    ids=["nan", "above", "below", "channels", "empty", "flat", "size"],
)
def test_unusable_images_are_refused(
    settings: ReconstructionSettings, images: torch.Tensor
) -> None:
    with pytest.raises(InputError):
        reconstructor_of(settings).reconstruct(images)


def test_one_bad_pixel_is_enough() -> None:
    images = torch.rand(2, 1, 16, 24)
    images[1, 0, 3, 5] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        reconstructor_of(tiny_settings()).reconstruct(images)


def test_vqgan_redraws_other_sizes_and_names_the_remedy() -> None:
    reconstructor = reconstructor_of(tiny_settings())
    assert reconstructor.reconstruct(torch.rand(1, 1, 32, 8)).images_NCHW.shape == (1, 1, 32, 8)
    with pytest.raises(InputError, match="multiple of 4 px"):
        reconstructor.reconstruct(torch.rand(1, 1, 30, 8))


def test_building_depends_on_the_seed_alone_and_leaves_the_global_one() -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    first = build_reconstructor(tiny_settings(), (1, 16, 16)).state_dict()
    assert torch.equal(torch.rand(1), expected)
    second = build_reconstructor(tiny_settings(), (1, 16, 16)).state_dict()
    other = build_reconstructor(tiny_settings(seed=1), (1, 16, 16)).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@everyone
def test_files_that_do_not_fit_are_refused(
    settings: ReconstructionSettings, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match="cannot be read"):
        load_reconstructor(settings, (1, 16, 24), path)
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be read"):
        load_reconstructor(settings, (1, 16, 24), path)
    save_reconstructor(reconstructor_of(settings), path)
    with pytest.raises(InputError, match="trained on images of shape"):
        load_reconstructor(settings, (1, 32, 24), path)
    with pytest.raises(InputError, match="cannot be read under these settings"):
        load_reconstructor(tiny_settings(widths=(16,)), (1, 16, 24), path)
