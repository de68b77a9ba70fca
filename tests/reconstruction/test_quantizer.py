"""The vector quantizer against its definition (VQ-VAE; VQGanoDIP, section 3.1.1)."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tasks.reconstruction.quantizer import VectorQuantizer, perplexity
from tests.reconstruction.tiny import tiny_settings


def alone(tensor: Tensor) -> Tensor:
    """The sum over one process."""
    return tensor


def quantizer_with(codes: list[list[float]], update: str = "ema") -> VectorQuantizer:
    quantizer = VectorQuantizer(
        tiny_settings(
            codebook_entries=len(codes),
            codebook_dimensions=len(codes[0]),
            codebook_update=update,
            codebook_decay=0.9,
        )
    )
    with torch.no_grad():
        quantizer.codebook_KD.copy_(torch.tensor(codes))
    return quantizer


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_every_latent_gets_its_nearest_code(entries: int, dimensions: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randn(entries, dimensions, generator=generator)
    quantizer = quantizer_with(codes.tolist())
    latent = torch.randn(2, dimensions, 3, 4, generator=generator)
    chosen = quantizer(latent).codes_NDhw
    distances = torch.cdist(latent.double().permute(0, 2, 3, 1).flatten(0, 2), codes.double())
    reached = (latent - chosen).double().square().sum(dim=1).sqrt().flatten()
    assert torch.allclose(reached, distances.amin(dim=1), atol=1e-5)


def test_ties_go_to_the_lowest_index() -> None:
    quantizer = quantizer_with([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    indices = quantizer(torch.zeros(1, 2, 2, 2)).indices_Nhw
    assert indices.unique().tolist() == [0]


def test_gradient_passes_straight_through() -> None:
    quantizer = quantizer_with([[0.0, 0.0], [1.0, 1.0]])
    latent = torch.rand(1, 2, 2, 2, requires_grad=True)
    quantization = quantizer(latent)
    assert torch.allclose(quantization.quantized_NDhw, quantization.codes_NDhw)
    factor = torch.rand(1, 2, 2, 2)
    (quantization.quantized_NDhw * factor).sum().backward()
    assert latent.grad is not None
    assert torch.equal(latent.grad, factor)


def test_only_the_codes_carry_gradient_to_a_gradient_codebook() -> None:
    quantizer = quantizer_with([[0.0], [1.0]], update="gradient")
    quantization = quantizer(torch.tensor([[[[0.9, 0.8]]]]))
    assert not quantization.quantized_NDhw.requires_grad
    quantization.codes_NDhw.sum().backward()
    assert quantizer.codebook_KD.grad is not None
    assert quantizer.codebook_KD.grad.tolist() == [[0.0], [2.0]]


def test_moving_average_by_hand() -> None:
    """Decay 0.9. Latents 1 and 3 go to code 1, latent 11 to code 10; code 99 is idle."""
    quantizer = quantizer_with([[1.0], [10.0], [99.0]])
    quantizer.uses_K.copy_(torch.tensor([4.0, 1.0, 0.0]))
    quantizer.sums_KD.copy_(torch.tensor([[4.0], [10.0], [0.0]]))
    latent = torch.tensor([[[[1.0, 3.0, 11.0]]]])
    uses = quantizer.update(latent, quantizer(latent).indices_Nhw, alone)
    assert uses.tolist() == [2.0, 1.0, 0.0]
    assert quantizer.uses_K.tolist() == pytest.approx([0.9 * 4 + 0.2, 1.0, 0.0])
    expected = [(0.9 * 4 + 0.1 * 4) / 3.8, (0.9 * 10 + 0.1 * 11) / 1.0, 99.0]
    assert quantizer.codebook_KD.flatten().tolist() == pytest.approx(expected)


def test_gradient_codebook_is_counted_but_not_averaged() -> None:
    quantizer = quantizer_with([[1.0], [10.0]], update="gradient")
    latent = torch.tensor([[[[2.0]]]])
    quantizer.update(latent, quantizer(latent).indices_Nhw, alone)
    assert quantizer.codebook_KD.flatten().tolist() == [1.0, 10.0]
    assert quantizer.uses_K.tolist() == pytest.approx([0.1, 0.0])


def test_statistics_of_other_processes_count() -> None:
    quantizer = quantizer_with([[1.0]])
    latent = torch.tensor([[[[3.0]]]])
    uses = quantizer.update(latent, quantizer(latent).indices_Nhw, lambda tensor: 2 * tensor)
    assert uses.tolist() == [2.0]
    assert quantizer.codebook_KD.item() == pytest.approx(3.0)


def test_long_idle_codes_stay_finite() -> None:
    quantizer = quantizer_with([[1.0], [50.0]])
    latent = torch.tensor([[[[1.0]]]])
    indices = quantizer(latent).indices_Nhw
    for _ in range(1200):
        quantizer.update(latent, indices, alone)
    assert quantizer.codebook_KD.isfinite().all()


def test_dead_codes_become_latents_of_the_batch() -> None:
    quantizer = quantizer_with([[0.0], [50.0], [60.0]])
    quantizer.uses_K.copy_(torch.tensor([3.0, 0.2, 0.1]))
    latents = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    revived = quantizer.revive(latents, threshold=0.3, uniform_uses=1.0, seed=5)
    assert revived == 2
    codes = quantizer.codebook_KD.flatten().tolist()
    assert codes[0] == 0.0
    assert len({codes[1], codes[2]} & {1.0, 2.0, 3.0, 4.0}) == 2
    assert quantizer.uses_K.tolist() == pytest.approx([3.0, 0.3, 0.3])
    again = quantizer_with([[0.0], [50.0], [60.0]])
    again.uses_K.copy_(torch.tensor([3.0, 0.2, 0.1]))
    again.revive(latents, threshold=0.3, uniform_uses=1.0, seed=5)
    assert torch.equal(again.codebook_KD, quantizer.codebook_KD)


def test_reborn_code_that_stays_unused_dies_again_and_a_used_one_lives() -> None:
    quantizer = quantizer_with([[0.0], [50.0]])
    quantizer.revive(torch.tensor([[1.0], [2.0]]), threshold=0.5, uniform_uses=1.0, seed=0)
    latent = quantizer.codebook_KD[0].view(1, 1, 1, 1).expand(1, 1, 4, 4)
    quantizer.update(latent, torch.zeros(1, 4, 4, dtype=torch.int64), alone)
    assert quantizer.revive(torch.tensor([[7.0]]), 0.5, 1.0, seed=1) == 1
    assert quantizer.codebook_KD[1].item() == 7.0


def test_perplexity_closed_forms() -> None:
    assert perplexity(torch.tensor([5.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert perplexity(torch.full((7,), 3.0)) == pytest.approx(7.0)
    entropy = -(0.25 * log(0.25) + 0.75 * log(0.75))
    assert perplexity(torch.tensor([1.0, 3.0])) == pytest.approx(exp(entropy))
