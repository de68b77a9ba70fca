"""Settings of the rivals: one member of the union `RivalSettings` each.

`name` tells apart rivals of one kind; `judgement` says how the rows of a rival become scores.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from tasks.classification.network_settings import NetworkSettings
from tasks.vocabulary.settings import Settings

Share = Annotated[float, Field(gt=0, le=1)]
Strides = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]

Judgement = Literal["direct", "best_column", "best_of_groups", "classifier", "stack", "network"]
"""How rows become scores.

| judgement | score |
| --- | --- |
| `direct` | the only column |
| `best_column` | the column that told the classes apart best on the training part |
| `best_of_groups` | the best column of each group in hindsight, as published; mean over groups |
| `classifier` | what the setting's `member` says, fitted on the training part |
| `stack` | see `StackSettings` |
| `network` | what a network with the setting's `network` says, trained on the training part |
"""

Member = Literal["logistic_regression", "extra_trees"]
"""A kind of the classifiers' union."""


class MeanImageSettings(Settings):
    """Mean absolute difference from the mean of the normals: the trivial member."""

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["mean_image"] = "mean_image"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "mean image"


class GoldenSampleSettings(Settings):
    """Difference from one good board, scored like `GanodipScoreSettings` scores a reconstruction.

    Which of the `references` drawn boards is the golden one, the training part chooses.
    """

    judgement: ClassVar[Judgement] = "best_column"
    kind: Literal["golden_sample"] = "golden_sample"
    references: PositiveInt = 36
    patch_px: PositiveInt = 4
    share: Share = 0.0015

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "golden sample"


class PublishedGoldenSampleSettings(Settings):
    """GanoDIP's golden samples (section 6.2): the best of each group of drawn boards.

    The best is chosen by the very figure that is reported, in hindsight: too good by design.
    """

    judgement: ClassVar[Judgement] = "best_of_groups"
    kind: Literal["golden_sample_published"] = "golden_sample_published"
    groups: PositiveInt = 10
    references: PositiveInt = 36
    patch_px: PositiveInt = 4
    share: Share = 0.0015

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"golden sample, published ({self.groups} x {self.references})"


class GanodipScoreSettings(Settings):
    """GanoDIP (equation 3): mean of the worst `share` of all patch errors of the reconstruction.

    The published share is two patches of an image of 128 px, 25 of one of 512 px.
    """

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["ganodip_score"] = "ganodip_score"
    patch_px: PositiveInt = 4
    share: Share = 0.0015

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "GanoDIP score"


class OwnScoreSettings(Settings):
    """What the champion's own system decides by; `score` None = the one that its paper decides by.

    Only reconstructors of published systems have one: see the rows `system` in the table of metrics.
    """

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["own_score"] = "own_score"
    score: str | None = None

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "own score" if self.score is None else f"own score, {self.score.replace('_', ' ')}"


class MemoryBankSettings(Settings):
    """PatchCore: distance of every position's features to a coreset of those of the normals.

    | setting | meaning |
    | --- | --- |
    | `strides` | maps that are joined, at the finest one's positions |
    | `local_px` | side of the square of positions that is averaged first; odd, 1 = none |
    | `considered` | at most so many positions, drawn evenly from all normals, enter the choice |
    | `coreset_share` | of the considered positions that are kept |
    | `entries` | at most so many are kept |
    | `projection` | dimensions in which the coreset is chosen |
    | `neighbours` | entries around the nearest one that reweight the score; 1 = not reweighted |
    | `worst_share` | None: the largest distance, reweighted; else mean of this share of positions |

    The defaults are PatchCore's. `CALM_BANK` is the bank that did best on solar cells.
    """

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["memory_bank"] = "memory_bank"
    strides: Strides = (8, 16)
    local_px: PositiveInt = 3
    considered: PositiveInt = 100_000
    coreset_share: Share = 0.1
    entries: PositiveInt = 4096
    projection: PositiveInt = 64
    neighbours: PositiveInt = 9
    worst_share: Share | None = None

    @field_validator("local_px")
    @classmethod
    def _odd(cls, local_px: int) -> int:
        if local_px % 2 == 0:
            raise ValueError("local_px is the side of a square around a position: odd.")
        return local_px

    @property
    def name(self) -> str:
        """What the table calls it."""
        strides = " + ".join(map(str, self.strides))
        local = f", mean of {self.local_px} x {self.local_px}" if self.local_px > 1 else ""
        worst = f", worst {100 * self.worst_share:g} %" if self.worst_share else ""
        return f"memory bank (stride {strides}{local}{worst})"


CALM_BANK = MemoryBankSettings(strides=(16,), local_px=1, coreset_share=1, worst_share=0.05)
"""Deep features alone, as many entries as the budget allows, a mean over the worst positions.

Chosen on the development images of monocrystalline solar cells, where twice the entries gained
nothing: its figure there is an advantage to this rival.
"""


class PlaceDensitySettings(Settings):
    """PaDiM: distance of each place's features to what normals show at that place; aligned boards.

    `axes` random axes of the map of `stride`; `worst_share` None: the largest distance, else the
    mean of this share of places.
    """

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["place_density"] = "place_density"
    stride: PositiveInt = 8
    axes: PositiveInt = 40
    worst_share: Share | None = None

    @property
    def name(self) -> str:
        """What the table calls it."""
        worst = f", worst {100 * self.worst_share:g} %" if self.worst_share else ""
        return f"place density (stride {self.stride}{worst})"


class NearestNeighboursSettings(Settings):
    """Mean distance of the pooled features to those of the nearest normals."""

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["nearest_neighbours"] = "nearest_neighbours"
    neighbours: PositiveInt = 5

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "nearest neighbours, pooled"


class MahalanobisSettings(Settings):
    """Mahalanobis distance of the pooled features; covariance shrunk by Ledoit and Wolf's lemma."""

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["mahalanobis"] = "mahalanobis"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "Mahalanobis, pooled"


class OneClassSvmSettings(Settings):
    """One-class support vector machine with a Gaussian kernel on the pooled features."""

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["one_class_svm"] = "one_class_svm"
    outliers: Share = 0.1

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "one-class SVM, pooled"


class LocalOutlierFactorSettings(Settings):
    """Local outlier factor on the pooled features."""

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["local_outlier_factor"] = "local_outlier_factor"
    neighbours: PositiveInt = 20

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "local outlier factor, pooled"


class GaussianMixtureSettings(Settings):
    """Negative log likelihood under a mixture of Gaussians, in the first principal components."""

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["gaussian_mixture"] = "gaussian_mixture"
    gaussians: PositiveInt = 3
    components: PositiveInt = 20
    ridge: PositiveFloat = 1e-3

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "Gaussian mixture, pooled"


class PooledLogisticRegressionSettings(Settings):
    """Logistic regression on the means of every map: sees defects, draws no candidates."""

    judgement: ClassVar[Judgement] = "classifier"
    member: ClassVar[Member] = "logistic_regression"
    kind: Literal["pooled_logistic_regression"] = "pooled_logistic_regression"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "logistic regression, pooled"


class PooledExtraTreesSettings(Settings):
    """Extremely randomised trees on the means of every map."""

    judgement: ClassVar[Judgement] = "classifier"
    member: ClassVar[Member] = "extra_trees"
    kind: Literal["pooled_extra_trees"] = "pooled_extra_trees"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "extra trees, pooled"


class StackSettings(Settings):
    """The memory bank's score beside what logistic regression and trees say of pooled features.

    First column the bank's, then the means of every map. Both members are asked out of fold inside
    a training part; logistic regression joins their answers with the bank's score.
    """

    judgement: ClassVar[Judgement] = "stack"
    kind: Literal["stack"] = "stack"
    bank: MemoryBankSettings = CALM_BANK

    @property
    def name(self) -> str:
        """What the table calls it."""
        return "stack of memory bank, logistic regression and extra trees"


class _FrozenMapsSettings(Settings):
    judgement: ClassVar[Judgement] = "network"
    stride: PositiveInt = 16
    largest_side: PositiveInt = 16
    network: NetworkSettings = NetworkSettings()


class SiameseSettings(_FrozenMapsSettings):
    """A learnt distance of an image from its reconstruction (3D-printed parts, section 4.6).

    | setting | meaning |
    | --- | --- |
    | `stride` | px; map of the frozen trunk under the trained layers (paper: VGG-16, 8) |
    | `largest_side` | a map of more positions a side is averaged down to so many |
    """

    kind: Literal["siamese"] = "siamese"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"Siamese distance (stride {self.stride})"


class SupervisedSettings(_FrozenMapsSettings):
    """The same network with the image alone: the paper's supervised baseline (section 4.2)."""

    kind: Literal["supervised"] = "supervised"

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"supervised network (stride {self.stride})"


class AnomalibSettings(Settings):
    """PatchCore or PaDiM as the package anomalib computes them, on the features of this program.

    Needs `pip install "zeroescape[anomalib]"`. `coreset_share` (1 %, as PatchCore-1) and
    `neighbours` are PatchCore's; `dimensions`, drawn of all features, are PaDiM's.
    """

    judgement: ClassVar[Judgement] = "direct"
    kind: Literal["anomalib"] = "anomalib"
    model: Literal["patchcore", "padim"] = "patchcore"
    strides: Strides = (8, 16)
    coreset_share: Share = 0.01
    neighbours: PositiveInt = 9
    dimensions: PositiveInt = 100

    @property
    def name(self) -> str:
        """What the table calls it."""
        return {"patchcore": "anomalib PatchCore", "padim": "anomalib PaDiM"}[self.model]


RivalSettings = Annotated[
    MeanImageSettings
    | GoldenSampleSettings
    | PublishedGoldenSampleSettings
    | GanodipScoreSettings
    | OwnScoreSettings
    | MemoryBankSettings
    | PlaceDensitySettings
    | NearestNeighboursSettings
    | MahalanobisSettings
    | OneClassSvmSettings
    | LocalOutlierFactorSettings
    | GaussianMixtureSettings
    | PooledLogisticRegressionSettings
    | PooledExtraTreesSettings
    | StackSettings
    | SiameseSettings
    | SupervisedSettings
    | AnomalibSettings,
    Field(discriminator="kind"),
]

EVERY_RIVAL: tuple[RivalSettings, ...] = (
    MeanImageSettings(),
    PublishedGoldenSampleSettings(),
    GoldenSampleSettings(),
    GanodipScoreSettings(),
    OwnScoreSettings(),
    NearestNeighboursSettings(),
    MahalanobisSettings(),
    OneClassSvmSettings(),
    LocalOutlierFactorSettings(),
    GaussianMixtureSettings(),
    MemoryBankSettings(),
    CALM_BANK,
    PlaceDensitySettings(),
    PlaceDensitySettings(worst_share=0.05),
    PooledLogisticRegressionSettings(),
    PooledExtraTreesSettings(),
    StackSettings(),
    SiameseSettings(),
    SupervisedSettings(),
    AnomalibSettings(),
    AnomalibSettings(model="padim"),
)
"""Every kind with its defaults, in the order of the table; two banks, two of place
density and two of anomalib's models."""
