"""How many images a backfill works on at once, so that whoever waits is let in every few seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tasks.vocabulary.errors import InputError

# A nightly that wants the same features waits no longer than about this.
_WAVE_SECONDS = 5.0
_MOST_IMAGES = 64
_GROWTH = 4
# Long enough that whoever waits for the lock has it, too short to be noticed in a wave.
LET_IN_SECONDS = 0.05


@dataclass
class Pace:
    """One batch a worker at a time, of so many images that a wave of them takes some seconds.

    `images_per_second` bounds the speed of all workers together, None for as fast as they can. Raises
    `InputError` unless both are above 0.
    """

    workers: int
    images_per_second: float | None = None
    _warm: bool = field(default=False, init=False)
    _seconds_an_image: float | None = field(default=None, init=False)
    _largest: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        """Refuse what would never end."""
        if self.workers < 1 or (self.images_per_second is not None and self.images_per_second <= 0):
            raise InputError(
                f"A backfill of {self.workers} workers and {self.images_per_second} images a second.",
                "Give numbers above 0.",
            )

    def batch(self) -> int:
        """Images of the next batch of each worker; one, as long as their cost is not known."""
        if self._seconds_an_image is None:
            return 1
        size = min(
            _WAVE_SECONDS / max(self._seconds_an_image, 1e-6), _GROWTH * self._largest, _MOST_IMAGES
        )
        if self.images_per_second is not None:
            # No wave of half a minute of work that was to be spread over it.
            size = min(size, self.images_per_second * _WAVE_SECONDS / self.workers)
        return max(1, int(size))

    def wave(self) -> int:
        """Images that are worked on at once by all workers together."""
        return self.workers * self.batch()

    def pause(self, images: int, seconds: float) -> float:
        """Learn from a wave that took so long; returns the seconds for which to stand back now.

        The first wave is not learned from: it loads the models.
        """
        a_worker = math.ceil(images / self.workers)
        if self._warm:
            self._seconds_an_image = seconds / a_worker
            self._largest = max(self._largest, a_worker)
        self._warm = True
        if self.images_per_second is None:
            return LET_IN_SECONDS
        return max(LET_IN_SECONDS, images / self.images_per_second - seconds)
