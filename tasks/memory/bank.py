"""The memory bank: features of normals, and how far those of a board lie from them.

Legend: C channels, h/w height and width of a map, V features of a pool, E entries, P positions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.memory.coreset import coreset
from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError

# Distances of so many positions at once: with 4,000 entries 16 MB.
_POSITIONS_AT_ONCE = 1024


@dataclass(frozen=True)
class MemoryBank:
    """Features `entries_EC`, float32, that maps of one stride showed on normal boards.

    Source: PatchCore (Roth et al. 2022), equation 6, without the weight of equation 7.
    """

    entries_EC: Tensor

    def distances(self, map_Chw: Tensor) -> Float32Array:
        """Distance from each position's feature to the nearest one remembered, `[h, w]`.

        InputError for a map of other channels.
        """
        if map_Chw.shape[0] != self.entries_EC.shape[1]:
            raise InputError(
                f"A feature map of {map_Chw.shape[0]} channels meets a memory of "
                f"{self.entries_EC.shape[1]}.",
                "Use the perception with which the memory was made.",
            )
        norms_E = self.entries_EC.square().sum(dim=1)
        squared = [
            (part_PC @ self.entries_EC.T).mul_(-2.0).add_(norms_E).amin(dim=1)
            + part_PC.square().sum(dim=1)
            for part_PC in torch.split(_features(map_Chw), _POSITIONS_AT_ONCE)
        ]
        distances_P = torch.cat(squared).clamp_min_(0.0).sqrt_()
        return np.asarray(distances_P.reshape(map_Chw.shape[1:]).numpy(), dtype=np.float32)


def memory_bank(pool_VC: Float32Array, entries: int, seed: int) -> MemoryBank:
    """Keep the coreset of a pool of normals' features."""
    return MemoryBank(torch.from_numpy(pool_VC[coreset(pool_VC, entries, seed)]))


def drawn_features(map_Chw: Tensor, count: int, seed: int, name: str) -> Float32Array:
    """Draw at most `count` features `[V, C]` of one board's map; the draw depends on seed and name."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    features_PC = _features(map_Chw).numpy()
    drawn_V = np.sort(random.permutation(len(features_PC))[:count])
    return features_PC[drawn_V]


def _features(map_Chw: Tensor) -> Tensor:
    return map_Chw.to(torch.float32).flatten(1).T.contiguous()
