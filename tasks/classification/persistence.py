"""A composite score on disk: one JSON manifest and the classifier in its library's own format.

```text
<directory>/composite_score.json   member, columns, preprocessing, digest of the model and of itself
<directory>/<model file>           extra_trees.skops, lightgbm.txt, xgboost.ubj, ...
```
No pickle. Floats in JSON are written so that they read back to the same bits, and what is scored
with after a fit is what the file holds, so a loaded score equals the saved one exactly. The digests
find damage and mix-ups; against an attacker who can rewrite both files, the store must be trusted.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from tasks.classification.classifiers import classifier_of
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import ClassifierSettings
from tasks.vocabulary.errors import InputError

MANIFEST = "composite_score.json"
_FORMAT = 1
_REMEDY = "Take the directory from the store again, or fit the composite score again."


def save_composite_score(score: CompositeScore, directory: Path) -> None:
    """Write `score` into `directory` (made if absent), the manifest last: no manifest, no score."""
    directory.mkdir(parents=True, exist_ok=True)
    content = score.model.content()
    (directory / classifier_of(score.member).file_name).write_bytes(content)
    facts = {
        "format": _FORMAT,
        "member": score.member.model_dump(mode="json"),
        "columns": list(score.columns),
        "kept": score.kept.tolist(),
        "scale": score.scale.tolist(),
        "offset": score.offset.tolist(),
        "searched": dict(score.searched),
        "model_sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest = {**facts, "sha256": _digest(facts)}
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False), "utf-8")


def load_composite_score(directory: Path, columns: tuple[str, ...] | None = None) -> CompositeScore:
    """Read what `save_composite_score` wrote; `columns`, if given, must be those of the fit.

    InputError if a file is missing, damaged, of another format, or belongs to another score.
    """
    facts = _manifest(directory)
    try:
        member: ClassifierSettings = TypeAdapter[ClassifierSettings](
            ClassifierSettings
        ).validate_python(facts["member"])
    except ValidationError as error:
        raise InputError(f"The stored classifier is unknown: {error}.", _REMEDY) from error
    stored = tuple(facts["columns"])
    if columns is not None and columns != stored:
        raise InputError(
            f"The score was fitted on {len(stored)} metrics, not on the {len(columns)} expected.",
            "Measure with the metrics of the fit, or fit the composite score again.",
        )
    classifier = classifier_of(member)
    content = _read(directory / classifier.file_name)
    if hashlib.sha256(content).hexdigest() != facts["model_sha256"]:
        raise InputError(f"{directory / classifier.file_name} was changed.", _REMEDY)
    return CompositeScore(
        member=member,
        columns=stored,
        kept=np.asarray(facts["kept"], dtype=np.int64),
        scale=np.asarray(facts["scale"], dtype=np.float64),
        offset=np.asarray(facts["offset"], dtype=np.float64),
        model=classifier.read(content, len(facts["kept"])),
        searched=facts["searched"],
    )


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    try:
        facts = json.loads(_read(path))
        digest = facts.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"{path} is no manifest: {error!r}.", _REMEDY) from error
    if digest != _digest(facts):
        raise InputError(f"{path} was changed.", _REMEDY)
    if facts["format"] != _FORMAT:
        raise InputError(
            f"{path} has format {facts['format']}, this version reads {_FORMAT}.", _REMEDY
        )
    return dict(facts)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.", _REMEDY) from error


def _digest(facts: dict[str, Any]) -> str:
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
