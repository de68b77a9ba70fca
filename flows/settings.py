"""One YAML file is one product line: parsed here, once, into one frozen object."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tasks.alignment.settings import AlignmentSettings, NoAlignment
from tasks.archive.settings import (
    PhotographSettings,
    PlaceName,
    RetrainingSettings,
    RoleSettings,
    SourceSettings,
)
from tasks.baselines.settings import EVERY_RIVAL, RivalSettings
from tasks.candidates.settings import CandidatesSettings
from tasks.certification.settings import CertificationSettings
from tasks.classification.settings import ClassificationSettings, EvaluationSettings
from tasks.confounds.settings import ConfoundSettings
from tasks.drift.settings import DriftSettings
from tasks.gating.settings import GateSettings
from tasks.memory.settings import MemorySettings
from tasks.perception.settings import PerceptionSettings
from tasks.reconstruction.settings import ReconstructionSettings
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.settings import Settings

AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]

# A handful is measured sooner than one more process has loaded what measures it.
_IMAGES_WORTH_A_WORKER = 4


class DaskSettings(Settings):
    """Where batches of images are worked on: a scheduler's address, or else a local cluster.

    A scheduler on another machine wants `tls_ca`, `tls_cert` and `tls_key`: Dask runs whatever code it is
    sent, and without them anybody in the network may send some.

    Without `batch_images`, batches are sized by what the images cost: about 10 s of work, 64 images at
    most, smaller towards the end so that all workers end together.
    """

    address: str | None = Field(None, description="tcp://host:8786 of a running scheduler")
    tls_ca: AbsolutePath | None = Field(None, description="certificate that signed the others")
    tls_cert: AbsolutePath | None = Field(None, description="certificate of whoever runs flows")
    tls_key: AbsolutePath | None = Field(None, description="its private key")
    workers: PositiveInt = 2
    batch_images: PositiveInt | None = None

    @model_validator(mode="after")
    def _wholly_encrypted_or_not_at_all(self) -> Self:
        files = (self.tls_ca, self.tls_cert, self.tls_key)
        encrypted = (self.address or "").startswith("tls://")
        if any(file is None for file in files) and (encrypted or any(files)):
            raise ValueError("TLS takes tls_ca, tls_cert and tls_key, all three")
        if all(files) and not encrypted:
            raise ValueError("with TLS the address is tls://host:8786")
        return self

    def workers_for(self, images: int) -> int:
        """How many local workers so many images are worth: each loads the model for itself."""
        worth = self.batch_images or _IMAGES_WORTH_A_WORKER
        return max(1, min(self.workers, -(-images // worth)))


class ReportSettings(Settings):
    """Where the HTML report goes and how much it shows.

    `hardest` boards of each class, and `audited` doubtful labels of each kind and role.
    """

    directory: AbsolutePath = Path("build/reports")
    hardest: PositiveInt = 6
    audited: PositiveInt = 6


_ON_REQUEST = frozenset({"anomalib", "own_score", "siamese", "supervised"})


class CompareSettings(Settings):
    """Which rivals the composite meets; by default all that run with any reconstructor.

    Left out so: those that need a further package or a system's own score, and the two networks, which
    train in every fold.

    `repeats` of the outer folds, which are otherwise those of `evaluation.outer`.
    """

    rivals: Annotated[tuple[RivalSettings, ...], Field(min_length=1)] = tuple(
        one for one in EVERY_RIVAL if one.kind not in _ON_REQUEST
    )
    repeats: PositiveInt = 5

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [one.name for one in self.rivals]
        if len(set(names)) < len(names):
            raise ValueError("a rival is listed twice")
        return self


Kind = TypeVar("Kind", bound=Settings)
LineName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class LineSettings(Settings):
    """Everything that makes a product line; each verb gets the part of its own room."""

    line: LineName
    title: str
    store: AbsolutePath = Path("build/store")
    source: SourceSettings
    relabels: PlaceName | None = Field(
        None, description="CSV `image_id,label,who,why` of labels that persons correct"
    )
    photograph: PhotographSettings
    alignment: AlignmentSettings
    roles: RoleSettings = RoleSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    perception: PerceptionSettings
    candidate_perception: PerceptionSettings | None = Field(
        None, description="backbone of the candidates and patch metrics; default: perception"
    )
    reconstruction: ReconstructionSettings
    candidates: CandidatesSettings = CandidatesSettings()
    memory: MemorySettings | None = Field(
        MemorySettings(), description="what is kept of the normals' features; null: nothing"
    )
    classification: ClassificationSettings
    evaluation: EvaluationSettings = EvaluationSettings()
    compare: CompareSettings = CompareSettings()
    certification: CertificationSettings = CertificationSettings()
    confounds: ConfoundSettings = ConfoundSettings()
    drift: DriftSettings = DriftSettings()
    promotion: GateSettings = GateSettings()
    dask: DaskSettings = DaskSettings()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="after")
    def _one_size_where_nothing_is_registered(self) -> Self:
        sizes = self.photograph.height_px, self.photograph.width_px
        if isinstance(self.alignment, NoAlignment) and None in sizes:
            raise ValueError(
                "alignment 'none' resizes whatever it gets: give photograph.height_px and width_px, "
                "or choose an alignment that finds the board"
            )
        return self

    @property
    def image_shape_CHW(self) -> tuple[int, int, int]:
        """Shape of a board image after alignment."""
        return self.photograph.channels, self.alignment.side_px, self.alignment.side_px


def load_settings(path: Path) -> LineSettings:
    """Read a product line's YAML file; raises `InputError` that names every wrong key."""
    return validated(LineSettings, read_mapping(path), path)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings; raises `InputError` where it is none."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"The configuration {path} cannot be read ({error.strerror}).",
            "Give the path of a YAML file.",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}.", "Correct the file.") from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path} is not a mapping of settings.", "Start from configs/elpv-mono.yaml."
        )
    return content


def validated(kind: type[Kind], content: dict[str, Any], path: Path) -> Kind:
    """Settings of a kind; raises `InputError` that names every wrong key."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        raise InputError(f"{path}: {wrong}.", "Correct these keys.") from error
