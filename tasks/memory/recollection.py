"""The whole memory of normals: a bank for each map and, of aligned boards, a density at each place.

Legend: C channels, h/w height and width of a map.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from tasks.memory.bank import MemoryBank, drawn_features, memory_bank
from tasks.memory.places import PlaceModel, PlaceMoments
from tasks.memory.settings import MemorySettings
from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError

Maps = Sequence[Tensor]


@dataclass(frozen=True)
class Memory:
    """Banks, and densities of places, by the stride in px of their map; `places` may be empty."""

    banks: Mapping[int, MemoryBank]
    places: Mapping[int, PlaceModel]

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the maps that are remembered, ascending."""
        return tuple(sorted(self.banks))

    def bank_distances(self, maps: Maps, strides: Sequence[int]) -> tuple[Float32Array, ...]:
        """`[h, w]` distances to the bank, a map for each remembered stride."""
        given = self._given(maps, strides)
        return tuple(self.banks[stride].distances(given[stride]) for stride in self.strides)

    def place_distances(self, maps: Maps, strides: Sequence[int]) -> tuple[Float32Array, ...]:
        """`[h, w]` distances at each place, a map for each remembered stride; none without places."""
        given = self._given(maps, strides)
        return tuple(self.places[stride].distances(given[stride]) for stride in sorted(self.places))

    def _given(self, maps: Maps, strides: Sequence[int]) -> dict[int, Tensor]:
        given = dict(zip(strides, maps, strict=True))
        if missing := [stride for stride in self.strides if stride not in given]:
            raise InputError(
                f"The memory knows maps of stride {missing[0]} px, and this perception has none.",
                "Use the perception with which the memory was made.",
            )
        return given


def memory_of(
    normals: Iterable[tuple[str, Maps]],
    count: int,
    strides: Sequence[int],
    settings: MemorySettings,
    placed: bool,
) -> Memory:
    """Remember `count` normals, each a name with its feature maps; `placed` for aligned boards.

    InputError where there is no normal, or no map is coarse enough.
    """
    kept = [at for at, stride in enumerate(strides) if stride >= settings.shortest_stride_px]
    if not kept or count == 0:
        raise InputError(
            f"{count} normals, and {len(kept)} feature maps of {settings.shortest_stride_px} px or "
            "more, leave nothing to remember.",
            "Give normals, or lower memory.shortest_stride_px.",
        )
    share = -(-settings.pool // count)
    pools: dict[int, list[Float32Array]] = {at: [] for at in kept}
    moments: dict[int, PlaceMoments] = {}
    for name, maps in normals:
        for at in kept:
            pools[at].append(drawn_features(maps[at], share, settings.seed, name))
            if placed:
                if at not in moments:
                    moments[at] = PlaceMoments(maps[at], settings.place_axes, settings.seed)
                moments[at].add(maps[at])
    banks = {
        strides[at]: memory_bank(np.concatenate(pools[at]), settings.entries, settings.seed)
        for at in kept
    }
    return Memory(banks, {strides[at]: found.model() for at, found in moments.items()})


def written_memory(memory: Memory) -> bytes:
    """Give a memory as safetensors, which `read_memory` reads to the same bits."""
    tensors = {f"bank.{stride}": bank.entries_EC for stride, bank in memory.banks.items()}
    for stride, place in memory.places.items():
        tensors |= {
            f"place.{stride}.axes": place.axes_DC,
            f"place.{stride}.means": place.means_PD,
            f"place.{stride}.whitening": place.whitening_PDD,
            f"place.{stride}.shape": torch.tensor(place.shape_hw),
        }
    return bytes(save(tensors))


def read_memory(path: Path) -> Memory:
    """Read what `written_memory` wrote."""
    tensors = load_file(path)
    banks, places = {}, {}
    for name, tensor in tensors.items():
        kind, stride, *part = name.split(".")
        if kind == "bank":
            banks[int(stride)] = MemoryBank(tensor)
        elif part == ["shape"]:
            height, width = tensor.tolist()
            own = f"place.{stride}"
            places[int(stride)] = PlaceModel(
                tensors[f"{own}.axes"],
                tensors[f"{own}.means"],
                tensors[f"{own}.whitening"],
                (height, width),
            )
    return Memory(banks, places)
