"""The state of a training on disk: complete or absent, never half."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch

from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.settings import Settings

_NAME = "checkpoint.pt"
_FORMAT = 1
# These two decide where and how often, not what is computed.
_WITHOUT_EFFECT = {"device", "checkpoint_every"}


def training_fingerprint(settings: Settings, *images: UInt8Array) -> str:
    """SHA-256 of all that decides the result: a checkpoint is resumed only under the same one."""
    digest = hashlib.sha256(settings.model_dump_json(exclude=_WITHOUT_EFFECT).encode())
    for array in images:
        digest.update(repr(array.shape).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_checkpoint(workplace: Path, fingerprint: str, state: dict[str, Any]) -> None:
    """Replace the checkpoint in one step: a kill at any moment leaves the old or the new one."""
    workplace.mkdir(parents=True, exist_ok=True)
    partial = workplace / f"{_NAME}.partial"
    content = io.BytesIO()
    # Not into the file: on a full disk torch raises something else than the system's own error.
    torch.save({"format": _FORMAT, "fingerprint": fingerprint, **state}, content)
    with partial.open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(workplace / _NAME)


def read_checkpoint(workplace: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the state to resume from, on the CPU; None where there is none.

    InputError where it belongs to other settings or images: mixing two trainings is never right.
    """
    path = workplace / _NAME
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state.get("format") != _FORMAT or state.get("fingerprint") != fingerprint:
        raise InputError(
            f"The checkpoint {path} belongs to other settings, images or program version.",
            "Train in an empty workplace, or delete that checkpoint.",
        )
    return state
