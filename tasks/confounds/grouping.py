"""Boards that belong together: torn over roles, labelled both ways, or good and bad by the lot.

Legend: N images, L lots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.vocabulary.arrays import BoolArray, Int64Array

TWINS = "near"
LOTS = ("lot", "panel")
_OF_ONE_CLASS = 0.9
_SHOWN = 3


@dataclass(frozen=True)
class Grouped:
    """One image as roles and labels know it: `groups` are names such as `lot:17` or `near:3fa`."""

    name: str
    groups: frozenset[str]
    role: str
    is_abnormal: bool | None
    """None: undecided."""


@dataclass(frozen=True)
class Lots:
    """How the lots of a set share out its classes; only lots of two images and more can be judged.

    `one_class` of `count` hold one class only, with `share` of the images; `by_chance` is the share
    that 95 % of random labellings stay below.
    """

    kind: str
    count: int
    one_class: int
    share: float
    by_chance: float

    @property
    def is_confounded(self) -> bool:
        """Whether the lot tells the label: nearly all lots hold one class, and not by chance."""
        return self.share >= _OF_ONE_CLASS and self.share > self.by_chance


def lots_of(
    kind: str, lots_N: Int64Array, abnormal_N: BoolArray, permutations: int, seed: int
) -> Lots | None:
    """Count lots of one class among images that have a lot (`lots_N` >= 0); None without any."""
    known_N = lots_N >= 0
    _, number_N = np.unique(lots_N[known_N], return_inverse=True)
    if not number_N.size:
        return None
    kept_N = abnormal_N[known_N]
    one_class, share = _one_class(number_N, kept_N)
    generator = np.random.default_rng(seed)
    shares = [_one_class(number_N, generator.permutation(kept_N))[1] for _ in range(permutations)]
    by_chance = float(np.quantile(shares, 0.95, method="higher"))
    return Lots(kind, int(number_N.max()) + 1, one_class, share, by_chance)


def _one_class(number_N: Int64Array, abnormal_N: BoolArray) -> tuple[int, float]:
    """Lots of two images and more with one class, and their share of the images of such lots."""
    sizes_L = np.bincount(number_N)
    bad_L = np.bincount(number_N, weights=abnormal_N)
    several_L = sizes_L > 1
    pure_L = several_L & ((bad_L == 0) | (bad_L == sizes_L))
    images = int(sizes_L[several_L].sum())
    return int(pure_L.sum()), float(sizes_L[pure_L].sum() / images) if images else 0.0


def torn(images: Sequence[Grouped]) -> dict[str, tuple[str, ...]]:
    """Names of images of each group that serves several roles."""
    found = {}
    for name, members in _members(images).items():
        if len({image.role for image in members}) > 1:
            found[name] = tuple(image.name for image in members)
    return found


def twins_of_both_labels(images: Sequence[Grouped]) -> dict[str, tuple[str, ...]]:
    """Names of near-duplicates of which some are called good and some defective."""
    found = {}
    for name, members in _members(images).items():
        labels = {image.is_abnormal for image in members} - {None}
        if name.startswith(f"{TWINS}:") and len(labels) > 1:
            found[name] = tuple(image.name for image in members)
    return found


def lots_by_kind(images: Sequence[Grouped]) -> dict[str, Int64Array]:
    """For every kind of lot that occurs: `[N]` number of the lot, -1 where an image has none."""
    found = {}
    for kind in LOTS:
        numbers: dict[str, int] = {}
        lots_N = np.full(len(images), -1, dtype=np.int64)
        for at, image in enumerate(images):
            for name in sorted(image.groups):
                if name.startswith(f"{kind}:"):
                    lots_N[at] = numbers.setdefault(name, len(numbers))
        if numbers:
            found[kind] = lots_N
    return found


def shown(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _members(images: Sequence[Grouped]) -> dict[str, list[Grouped]]:
    members: dict[str, list[Grouped]] = {}
    for image in images:
        for name in image.groups:
            members.setdefault(name, []).append(image)
    return dict(sorted(members.items()))
