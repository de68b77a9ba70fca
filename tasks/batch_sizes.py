"""How many images the next batch has: a fixed number, or what the first ones taught about their cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

# Work of a batch: what a killed worker loses, and how long a progress bar stands still.
_BATCH_SECONDS = 10.0
# Below this a batch is not worth its message and its segment in the store (about 15 ms, measured).
_WORTHWHILE_SECONDS = 0.25
# A worker holds the images of a batch in memory all at once.
_MOST_IMAGES = 64
# The first images may be cheap ones: no batch is larger than so many times the largest one measured.
_GROWTH = 4
# Towards the end batches are a share of what remains, so that all workers end at about the same time.
_SHARES_PER_WORKER = 2
# One that a worker is at, and one that waits beside it: it never waits for us.
_BATCHES_PER_WORKER = 2


@dataclass
class Batches(Generic[Item]):
    """The batches of `items` in their order: `fixed` images each, or sized by what the images cost.

    By cost, every worker begins with a single image, which is not counted, for it pays for loading the
    model. Of the others, later costs weigh more than earlier ones.
    """

    items: Sequence[Item]
    fixed: int | None = None
    _begun: int = field(default=0, init=False)
    _seconds: float = field(default=0.0, init=False)
    _images: float = field(default=0.0, init=False)
    _largest: int = field(default=0, init=False)
    _warm: set[str] = field(default_factory=set, init=False)

    def learn(self, images: int, seconds: float, process: str) -> None:
        """A batch of so many images took so many seconds in that process."""
        if process in self._warm:
            self._seconds = self._seconds / 2 + seconds
            self._images = self._images / 2 + images
            self._largest = max(self._largest, images)
        self._warm.add(process)

    def next(self, running: int, workers: int) -> list[tuple[Item, ...]]:
        """Batches to hand out now, where so many are handed out and have not ended.

        Those of a fixed size are handed out all at once.
        """
        if self.fixed is not None:
            fresh, self._begun = batches_of(self.items[self._begun :], self.fixed), len(self.items)
            return fresh
        most = workers * _BATCHES_PER_WORKER if self._images else workers
        fresh = []
        while running + len(fresh) < most and self._begun < len(self.items):
            end = self._begun + self._size(len(self.items) - self._begun, workers)
            fresh.append(tuple(self.items[self._begun : end]))
            self._begun = end
        return fresh

    def _size(self, remaining: int, workers: int) -> int:
        if not self._images:
            return 1
        seconds_an_image = max(self._seconds / self._images, 1e-6)
        share = math.ceil(remaining / (_SHARES_PER_WORKER * workers))
        size = min(
            _BATCH_SECONDS / seconds_an_image,
            max(share, _WORTHWHILE_SECONDS / seconds_an_image),
            _GROWTH * self._largest,
            _MOST_IMAGES,
            remaining,
        )
        return max(1, int(size))


def batches_of(items: Sequence[Item], size: int) -> list[tuple[Item, ...]]:
    """All items in their order, `size` a batch, the last one with what is left."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]
