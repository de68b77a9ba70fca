"""What a verb hands to another process: small, picklable, readable as JSON, light to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from storage.fingerprints import fingerprint
from tasks.alignment.settings import AlignmentSettings
from tasks.archive.settings import (
    PhotographSettings,
    RetrainingSettings,
    RoleSettings,
    SourceSettings,
)
from tasks.candidates.settings import CandidatesSettings
from tasks.localisation.region import PhotographedRegion
from tasks.memory.settings import MemorySettings
from tasks.perception.settings import PerceptionSettings
from tasks.reconstruction.settings import ReconstructionSettings


@dataclass(frozen=True)
class TrainingJob:
    """All that the training process needs to know."""

    store: Path
    line: str
    images_fingerprint: str
    training_ids: tuple[str, ...]
    validation_ids: tuple[str, ...]
    reconstruction: ReconstructionSettings
    perception: PerceptionSettings
    workplace: Path


@dataclass(frozen=True)
class Memorising:
    """Which normals are remembered as which backbone sees them; `placed` for aligned boards."""

    line: str
    images_fingerprint: str
    image_ids: tuple[str, ...]
    perception: PerceptionSettings
    memory: MemorySettings
    placed: bool


@dataclass(frozen=True)
class InstrumentSettings:
    """Names what an instrument is made of; every batch carries it to its worker."""

    image_shape_CHW: tuple[int, int, int]
    reconstruction: ReconstructionSettings
    perception: PerceptionSettings
    candidate_perception: PerceptionSettings
    candidates: CandidatesSettings
    model_key: str
    mask_key: str | None
    scales_key: str | None
    memory_key: str | None = None


@dataclass(frozen=True)
class Measuring:
    """Whose images are measured by which instrument, and where the rows go."""

    instrument: InstrumentSettings
    line: str
    images_fingerprint: str
    features_fingerprint: str


@dataclass(frozen=True)
class IngestJob:
    """Which archive becomes which line's board images, under which labels: `relabels` is a path or URL."""

    line: str
    source: SourceSettings
    photograph: PhotographSettings
    alignment: AlignmentSettings
    roles: RoleSettings
    relabels: str | None = None
    retraining: RetrainingSettings = field(default_factory=RetrainingSettings)

    @property
    def roles_fingerprint(self) -> str:
        """Other role settings are a decision to deal the roles anew; the same ones keep every role."""
        return fingerprint(self.roles.model_dump(mode="json"))


@dataclass(frozen=True)
class BoardMaking:
    """All that a worker needs to make board images of photographs.

    `reference` is the key of what the photographs are registered to, None for cameras that deliver
    aligned images; `released` are the digests that a person accepted although they are misaligned.
    """

    line: str
    photograph: PhotographSettings
    alignment: AlignmentSettings
    reference: str | None
    images_fingerprint: str
    released: frozenset[str] = frozenset()

    @property
    def judged_by(self) -> str:
        """Names what decides whether a photograph is refused; with other limits it is tried again."""
        limits = self.alignment.model_dump_json(include={"limits"})
        return fingerprint({"images": self.images_fingerprint, "limits": limits})


@dataclass(frozen=True)
class Bundle:
    """What belongs together at inspection: nothing of it is ever exchanged alone."""

    line: str
    photograph: PhotographSettings
    alignment: AlignmentSettings
    reference: str | None
    instrument: InstrumentSettings
    features_fingerprint: str
    classifier: str
    threshold_key: str
    threshold: float


@dataclass(frozen=True)
class ReportOrder:
    """What a report is about and how much of it is shown."""

    line: str
    title: str
    snapshot: int
    measuring: Measuring
    bundle: str
    certificate: str
    hardest: int
    directory: Path
    seeds: tuple[tuple[str, int], ...]
    audit: str | None = None
    screening: str | None = None
    gate: str | None = None


@dataclass(frozen=True)
class Observed:
    """What an inspection measured besides the score: in it a drift of the line shows.

    Of the board image: residual of its registration (board px, None without one), mean and standard
    deviation of its grey levels, mean difference to its reconstruction (share of full scale).
    """

    residual_px: float | None
    brightness: float
    spread: float
    difference: float


@dataclass(frozen=True)
class Verdict:
    """What inspection says of one file; `score` is None without an answer, `digest` where none was read.

    `candidates` are (top, left, bottom, right, score) in pixels of the aligned image. `regions` are
    suspected defects, worst first, in pixels of the board image and of the photograph, whose upright
    size is `size_hw`.
    """

    file: str
    digest: str | None
    verdict: Literal["flagged", "passed"]
    score: float | None
    threshold: float
    reason: str | None
    candidates: tuple[tuple[int, int, int, int, float], ...]
    overlay: str | None
    size_hw: tuple[int, int] | None = None
    regions: tuple[PhotographedRegion, ...] = ()
    observed: Observed | None = None

    @classmethod
    def without_answer(
        cls, path: Path, bundle: Bundle, reason: str, digest: str | None = None
    ) -> Verdict:
        """Flagged, because nothing is known: a person must look."""
        return cls(str(path), digest, "flagged", None, bundle.threshold, reason, (), None)
