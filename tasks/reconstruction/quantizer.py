"""The vector quantizer Z: every latent vector is replaced by its nearest code."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.reconstruction.settings import VqganSettings

SumOverProcesses = Callable[[Tensor], Tensor]


class Quantization(NamedTuple):
    """`quantized_NDhw` passes gradients straight through; `codes_NDhw` are the bare codes."""

    quantized_NDhw: Tensor
    codes_NDhw: Tensor
    indices_Nhw: Tensor


class VectorQuantizer(nn.Module):
    """The codebook `[K, D]` and its upkeep (van den Oord et al. 2017; VQGanoDIP, section 3.1.1).

    `codebook_update: ema` moves codes by exponential moving averages of their latents (VQ-VAE,
    appendix A.1): the codebook is a buffer, and equation 1's codebook loss is not needed.
    `gradient` makes it a parameter, moved by that loss. Both count uses, to know dead codes.
    Everything here is float32, also under autocast: near codes differ in bits bfloat16 lacks.
    """

    codebook_KD: Tensor
    uses_K: Tensor
    sums_KD: Tensor

    def __init__(self, settings: VqganSettings) -> None:
        super().__init__()
        self.update_rule = settings.codebook_update
        self.decay = settings.codebook_decay
        shape = (settings.codebook_entries, settings.codebook_dimensions)
        codebook_KD = torch.randn(shape) / shape[1] ** 0.5
        if self.update_rule == "gradient":
            self.codebook_KD = nn.Parameter(codebook_KD)
        else:
            self.register_buffer("codebook_KD", codebook_KD)
        self.register_buffer("uses_K", torch.zeros(shape[0]))
        self.register_buffer("sums_KD", torch.zeros(shape))

    def forward(self, latent_NDhw: Tensor) -> Quantization:
        """Quantize a latent; no side effect (`update` is a step of its own)."""
        with torch.autocast(latent_NDhw.device.type, enabled=False):
            latent_NhwD = latent_NDhw.float().permute(0, 2, 3, 1)
            indices_Nhw = self.nearest(latent_NhwD)
            codes_NhwD = functional.embedding(indices_Nhw, self.codebook_KD)
            quantized_NhwD = latent_NhwD + (codes_NhwD - latent_NhwD).detach()
        return Quantization(
            quantized_NhwD.permute(0, 3, 1, 2), codes_NhwD.permute(0, 3, 1, 2), indices_Nhw
        )

    def replaced(self, quantized_NDhw: Tensor, replacements_Nhw: Tensor) -> Tensor:
        """Put code `replacements_Nhw` in each place where it is not -1; no gradient flows there."""
        codes_NhwD = self.codebook_KD.detach()[replacements_Nhw.clamp_min(0)]
        put_N1hw = replacements_Nhw.unsqueeze(1) >= 0
        return torch.where(put_N1hw, codes_NhwD.permute(0, 3, 1, 2), quantized_NDhw)

    @torch.no_grad()
    def nearest(self, latents_D: Tensor) -> Tensor:
        """Index of the nearest code of each vector `[..., D]`; the lowest index wins a tie."""
        # ‖z - e‖² without ‖z‖², which is the same for every code.
        codes_norm_K = self.codebook_KD.square().sum(dim=1)
        return (codes_norm_K - 2.0 * latents_D @ self.codebook_KD.T).argmin(dim=-1)

    @torch.no_grad()
    def update(self, latent_NDhw: Tensor, indices_Nhw: Tensor, total: SumOverProcesses) -> Tensor:
        """Count uses and (ema) move the codes; return the uses in this batch, `[K]`.

        n ← γ n + (1 - γ) uses, m ← γ m + (1 - γ) Σ latents, code = m / n. `total` adds up a tensor
        over all processes, so that every process keeps the same codebook.
        """
        latents_VD = latent_NDhw.float().permute(0, 2, 3, 1).flatten(0, 2)
        # A matrix product, not index_add: that one adds in any order on a GPU.
        codes_K = torch.arange(len(self.uses_K), device=indices_Nhw.device)
        assigned_VK = (indices_Nhw.flatten()[:, None] == codes_K).float()
        batch_uses_K = total(assigned_VK.sum(dim=0))
        self.uses_K.lerp_(batch_uses_K, 1.0 - self.decay)
        if self.update_rule == "ema":
            self.sums_KD.lerp_(total(assigned_VK.T @ latents_VD), 1.0 - self.decay)
            # A code never used has no mean; it stays where it is until it is reborn.
            used_K1 = self.uses_K[:, None] > 0
            means_KD = self.sums_KD / self.uses_K[:, None].clamp_min(1e-20)
            self.codebook_KD.copy_(torch.where(used_K1, means_KD, self.codebook_KD))
        return batch_uses_K

    @torch.no_grad()
    def revive(self, latents_VD: Tensor, threshold: float, uniform_uses: float, seed: int) -> int:
        """Give each dead code a latent drawn from `latents_VD`; return how many were dead.

        Dead = used less than `threshold` times `uniform_uses` (latents a batch / codes). A reborn
        code starts on that very limit: unused, it is dead again at the next revival; used, it
        follows its latents quickly. The draw depends on `seed` alone, and repeats a latent only
        where there are fewer latents than dead codes.
        """
        limit = threshold * uniform_uses
        dead_M = (self.uses_K < limit).nonzero().flatten()
        generator = torch.Generator().manual_seed(seed)
        order_V = torch.randperm(len(latents_VD), generator=generator)
        drawn_M = order_V[torch.arange(len(dead_M)) % len(order_V)].to(latents_VD.device)
        self.codebook_KD[dead_M] = latents_VD[drawn_M].float()
        self.uses_K[dead_M] = limit
        self.sums_KD[dead_M] = self.codebook_KD[dead_M] * limit
        return len(dead_M)


def perplexity(uses_K: Tensor) -> float:
    """exp(entropy) of the use of codes: 1 where one code does all, K where all are used alike."""
    share_K = uses_K.double() / uses_K.double().sum()
    return float(torch.special.entr(share_K).sum().exp())
