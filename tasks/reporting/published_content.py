"""What the section on a published system shows, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OwnCut:
    """A threshold with its escapes and false calls on the images that it was read from."""

    threshold: float
    escapes: int
    false_calls: int


@dataclass(frozen=True)
class OwnScoreRow:
    """One score of the system by itself; a string in place of a cut says why there is none.

    `column` is its name in the table of metrics; `auroc` is NaN where a class is absent. The paper
    `decides` by the first of its scores.
    """

    column: str
    meaning: str
    source: str
    auroc: float
    crossing: OwnCut | str
    zero_escape: OwnCut | str
    decides: bool = False


@dataclass(frozen=True)
class LatentPictures:
    """Two PNG files of a generator, and how many real images are in the first.

    The map lays drawings among real images; the way goes from one latent found to another in 8 rows
    of 8 drawings.
    """

    map_png: bytes
    way_png: bytes
    real_images: int


@dataclass(frozen=True)
class SetDistance:
    """How far a set of images lies from the good samples, by the latents found for them."""

    images: str
    distance: float


@dataclass(frozen=True)
class SetDistances:
    """Sets of `images_each`, each with its distance."""

    images_each: int
    rows: tuple[SetDistance, ...]


@dataclass(frozen=True)
class PublishedContent:
    """How the paper of a published system would judge the development images.

    Images without an answer are `unanswered`, and counted nowhere else. `pictures` and `distances`
    are None where the system has none of them, a string where these images give none.
    """

    scores: tuple[OwnScoreRow, ...]
    n_normal: int
    n_abnormal: int
    unanswered: int = 0
    pictures: LatentPictures | str | None = None
    distances: SetDistances | str | None = None
