"""Everything that a report shows, as plain frozen values: no store, no model, no network.

Legend: N images, H height, W width, C channels, Q candidates. Labels: 1 = abnormal, 0 = normal. A
board is flagged at `score >= threshold`, and also when its score is infinite or not a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.reporting.label_audit_content import LabelAuditContent
from tasks.reporting.promotion_content import PromotionContent
from tasks.reporting.published_content import PublishedContent
from tasks.vocabulary.errors import InputError

Verdict = Literal["flagged", "passed"]
Label = Literal["normal", "abnormal", "undecided"]


@dataclass(frozen=True)
class Headline:
    """One large figure of the first screen: what it is, its value, and its n or bound in words."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class RoleRow:
    """Counts of images of each label in one role; `purpose` says in words what it is for."""

    role: str
    normal: int
    abnormal: int
    undecided: int = 0
    purpose: str = ""


@dataclass(frozen=True)
class QuarantineRow:
    """How many images were set aside for one reason."""

    reason: str
    count: int


@dataclass(frozen=True)
class StageTime:
    """Wall-clock seconds of one stage of the run."""

    stage: str
    seconds: float


@dataclass(frozen=True)
class MetricInfluence:
    """One metric's column name and its weight, signed where the classifier has signs."""

    name: str
    weight: float


@dataclass(frozen=True)
class Redrawing:
    """PSNR of the reconstruction on unseen normals, dB, and what their mean image alone reaches."""

    psnr_db: float
    mean_image_psnr_db: float

    @property
    def worse(self) -> bool:
        """Whether one image for all would have been nearer."""
        return self.psnr_db < self.mean_image_psnr_db


@dataclass(frozen=True)
class LadderRow:
    """One step of the price ladder: what is paid in false calls when `misses` defects may escape.

    Rates lie in [0, 1]; `low` and `high` are the exact interval of the false-call rate; `n_abnormal`
    are the defects of which `misses` may escape, 0 where it is all of the development role.
    """

    escape_fraction: float
    misses: int
    threshold: float
    false_calls: int
    n_normal: int
    false_call_rate: float
    low: float
    high: float
    n_abnormal: int = 0


@dataclass(frozen=True)
class OperatingFigures:
    """A classifier's figures at one cut; rates in [0, 1], NaN where the class is empty."""

    accuracy: float
    precision: float
    false_positive_rate: float
    false_negative_rate: float


@dataclass(frozen=True)
class ClassifierRow:
    """One classifier at its ordinary decision (STD) and at its zero-escape threshold (ZFN)."""

    kind: str
    standard: OperatingFigures
    zero_escape: OperatingFigures
    chosen: bool = False


@dataclass(frozen=True)
class CertificateFigures:
    """What held-out images said at the fixed threshold; `escape_upper_95` in [0, 1].

    `false_call_low` and `false_call_high` are the exact interval of the false-call rate at
    `confidence`, NaN where it has none. `looks` counts how often this set has answered; all bounds
    are held to what so many looks allow. `page` is the file of the certificate beside the report.
    """

    n_normal: int
    n_abnormal: int
    escapes: int
    false_calls: int
    escape_upper_95: float
    sentence: str
    false_call_low: float = math.nan
    false_call_high: float = math.nan
    looks: int = 1
    labels_changed: int = 0
    warnings: tuple[str, ...] = ()
    page: str = ""
    confidence: float = 0.95


@dataclass(frozen=True, eq=False)
class ScoredImages:
    """`scores_N` with `labels_N` (1 = abnormal, 0 = normal), in the same order."""

    scores_N: NDArray[np.floating[Any]]
    labels_N: NDArray[Any]

    def __post_init__(self) -> None:
        """Raise `InputError` unless there is one label, 0 or 1, for every score."""
        scores_N, labels_N = np.asarray(self.scores_N), np.asarray(self.labels_N)
        if scores_N.ndim != 1 or scores_N.shape != labels_N.shape:
            raise InputError(
                f"Scores of shape {scores_N.shape} came with labels of shape {labels_N.shape}.",
                "Give one score and one label per image.",
            )
        if not np.isin(labels_N, (0, 1)).all():
            raise InputError(
                "Labels other than 0 and 1 were given.", "Give 1 for abnormal, 0 for normal."
            )

    @property
    def normal(self) -> NDArray[np.float64]:
        """Scores of the normals."""
        return self._of_label(0)

    @property
    def abnormal(self) -> NDArray[np.float64]:
        """Scores of the abnormals."""
        return self._of_label(1)

    def _of_label(self, label: int) -> NDArray[np.float64]:
        scores_N: NDArray[np.float64] = np.asarray(self.scores_N, dtype=np.float64)
        return scores_N[np.flatnonzero(np.asarray(self.labels_N) == label)]


@dataclass(frozen=True, eq=False)
class BoardExample:
    """One board image with everything needed to see why it got its score.

    `input_HWC` and `reconstruction_HWC` are uint8 with one or three channels; `difference_HW` in
    [0, 1] of the same height and width; boxes `[Q, 4]` are (top, left, bottom, right) in pixels,
    bottom and right exclusive, with one candidate score each, highest = most suspicious (all equal
    if absent).
    """

    image_id: str
    source_name: str
    label: Label
    role: str
    score: float
    verdict: Verdict
    input_HWC: NDArray[np.uint8]
    reconstruction_HWC: NDArray[np.uint8]
    difference_HW: NDArray[np.floating[Any]]
    boxes_Q4: NDArray[np.int64]
    masked_boxes_Q4: NDArray[np.int64] | None = None
    caption: str = ""
    sets_threshold: bool = False
    box_scores_Q: NDArray[np.floating[Any]] | None = None
    masked_box_scores_Q: NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        """Raise `InputError` unless input, reconstruction and difference show the same pixels."""
        shapes = (self.input_HWC.shape, self.reconstruction_HWC.shape, self.difference_HW.shape)
        if shapes[0][:2] != shapes[1][:2] or shapes[0][:2] != shapes[2]:
            raise InputError(
                f"Input, reconstruction and difference of {self.image_id} have shapes {shapes}.",
                "Give all three at the same height and width.",
            )


@dataclass(frozen=True, eq=False)
class ReportContent:
    """All that one report shows.

    Examples come hardest first: abnormals by rising, normals by falling score. `nearest` are the false
    calls nearest above the threshold, or the highest normals where there is none; the page leaves them out.

    `development` holds out-of-fold scores; `certification` is None where no image was held out, and
    so is `certificate`. `history` is one mapping per recorded training step with its `step`; it is
    empty for reconstructors that are not trained. `mask_HW` in [0, 1] is None for lines that cannot
    be aligned, `published` for reconstructors without scores of their own.
    """

    product_line: str
    title: str
    created_at: str
    threshold: float
    development: ScoredImages
    ladder: tuple[LadderRow, ...]
    certification: ScoredImages | None = None
    certificate: CertificateFigures | None = None
    undecided_N: NDArray[np.floating[Any]] = field(default_factory=lambda: np.empty(0))
    examples: tuple[BoardExample, ...] = ()
    mask_HW: NDArray[np.floating[Any]] | None = None
    classifiers: tuple[ClassifierRow, ...] = ()
    influences: tuple[MetricInfluence, ...] = ()
    history: tuple[Mapping[str, object], ...] = ()
    best_step: int | None = None
    redrawing: Redrawing | None = None
    roles: tuple[RoleRow, ...] = ()
    quarantine: tuple[QuarantineRow, ...] = ()
    stage_times: tuple[StageTime, ...] = ()
    more_headlines: tuple[Headline, ...] = ()
    screening: Mapping[str, Any] | None = None
    composite_auroc: float = math.nan
    notes: tuple[str, ...] = ()
    reconstructor: str = ""
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    label_audit: LabelAuditContent | None = None
    promotion: PromotionContent | None = None
    nearest: tuple[BoardExample, ...] = ()
    published: PublishedContent | None = None

    def __post_init__(self) -> None:
        """Raise `InputError` where a verdict contradicts the threshold, rather than hide it."""
        if math.isnan(self.threshold):
            raise InputError("The threshold is not a number.", "Report only a run that has one.")
        for example in self.examples:
            if example.verdict == "passed" and is_flagged(example.score, self.threshold):
                raise InputError(
                    f"{example.image_id} is said to pass at score {example.score}, "
                    f"threshold {self.threshold}.",
                    "Give the verdict that belongs to this threshold.",
                )


def is_flagged(score: float, threshold: float) -> bool:
    """Whether a board goes to a person: at or above the threshold, or no number for a score."""
    return not math.isfinite(score) or score >= threshold
