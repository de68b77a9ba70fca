"""Training sets with a share of abnormal images, and the images that judge all of them alike.

GANomaly in industrial inspection, section III.C (1): 3, 6 and 9 % abnormal images among the training
data, to see what mislabelled images cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.vocabulary.errors import InputError

SHARES = (0.0, 0.03, 0.06, 0.09)
"""The paper's."""
_FEWEST_JUDGES = 2


@dataclass(frozen=True)
class Candidates:
    """Labelled images that training may be mixed with: ids, 1 = abnormal, and names of groups.

    Images of one group (a panel, near-duplicates) look alike: None where every image is alone.
    """

    image_ids: tuple[str, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...] | None = None

    def group_of(self, at: int) -> str:
        """Name of the group of one image; its own id where it is alone."""
        return self.image_ids[at] if self.groups is None else self.groups[at]


@dataclass(frozen=True)
class Mixture:
    """One training set: `mixed` are its abnormal images, about `share` of `training_ids`."""

    share: float
    training_ids: tuple[str, ...]
    mixed: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Mixtures by rising share, and the images (with their labels) that every one is judged on."""

    mixtures: tuple[Mixture, ...]
    judging: Candidates


def mixtures(
    normals: Sequence[str], candidates: Candidates, shares: Sequence[float], seed: int
) -> Plan:
    """Replace normals by abnormal candidates, drawn by `seed`; a larger share keeps a smaller one's.

    Departure from the paper, which adds them: here the number of training images stays, so that all
    trainings see as many images in as many steps. Images that the largest share learns from, and all
    of their groups, judge nothing. InputError for shares outside [0, 1), for the same number of
    images twice, and where too few abnormal or normal images are left to judge by.
    """
    counts = _counts(len(normals), shares)
    generator = np.random.default_rng(seed)
    abnormal = [at for at, label in enumerate(candidates.labels) if label == 1]
    if max(counts) > len(abnormal) - _FEWEST_JUDGES:
        raise InputError(
            f"A share of {max(shares):.0%} takes {max(counts)} abnormal images and leaves "
            f"{_FEWEST_JUDGES} or more to judge by; the development role has {len(abnormal)}.",
            "Give smaller --shares, or more abnormal images (roles.development.abnormal).",
        )
    drawn = [abnormal[at] for at in generator.permutation(len(abnormal))[: max(counts)]]
    replaced = generator.permutation(len(normals))
    made = []
    for share, count in sorted(zip(shares, counts, strict=True)):
        training = list(normals)
        mixed = tuple(candidates.image_ids[at] for at in drawn[:count])
        for at, image_id in zip(replaced, mixed, strict=False):
            training[at] = image_id
        made.append(Mixture(share, tuple(training), mixed))
    return Plan(tuple(made), _others(candidates, drawn))


def _counts(size: int, shares: Sequence[float]) -> list[int]:
    if not shares or not all(0.0 <= share < 1.0 for share in shares):
        raise InputError(
            f"Shares must lie in [0, 1): {', '.join(map(str, shares)) or 'none given'}.",
            "Give shares such as --shares 0 --shares 0.03.",
        )
    counts = [round(share * size) for share in shares]
    if len(set(counts)) < len(counts):
        raise InputError(
            f"Two shares are the same number of {size} training images: {counts}.",
            "Give shares that lie further apart.",
        )
    return counts


def _others(candidates: Candidates, drawn: Sequence[int]) -> Candidates:
    spent = {candidates.group_of(at) for at in drawn}
    left = [at for at in range(len(candidates.image_ids)) if candidates.group_of(at) not in spent]
    labels = tuple(candidates.labels[at] for at in left)
    for label, name in ((1, "abnormal"), (0, "normal")):
        if labels.count(label) < _FEWEST_JUDGES:
            raise InputError(
                f"{labels.count(label)} {name} images are left to judge by.",
                "Give smaller --shares, or more images of the development role.",
            )
    return Candidates(
        tuple(candidates.image_ids[at] for at in left),
        labels,
        None if candidates.groups is None else tuple(candidates.groups[at] for at in left),
    )
