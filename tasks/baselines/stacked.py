"""The memory bank's score beside the pooled features: what the stack's judgement reads."""

from __future__ import annotations

import numpy as np

from tasks.baselines.memory_bank import MemoryBank
from tasks.baselines.pooled_features import PooledFeatures
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import StackSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array


class Stacked(Rival):
    """First column `bank/distance`, then those of `PooledFeatures`."""

    def __init__(self, normals: Normals, settings: StackSettings) -> None:
        self._bank = MemoryBank(normals, settings.bank)
        self._pooled = PooledFeatures(normals)
        bank = tuple(f"bank/{name}" for name in self._bank.columns)
        self.columns = (*bank, *self._pooled.columns)
        self.state_bytes = self._bank.state_bytes

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the bank's."""
        return self._bank.heat(image_HWC)

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        # The backbone runs twice; it is the smaller part of what the bank costs.
        return np.concatenate([self._bank.describe(image_HWC), self._pooled.describe(image_HWC)])
