"""Other weights are another backbone, whatever their file is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.perception.identity import weights_identity
from tasks.perception.settings import (
    EfficientNetLite0Settings,
    InceptionV3Settings,
    PixelsSettings,
    Vgg16Settings,
)
from tasks.vocabulary.errors import InputError


def test_another_content_under_the_same_path_is_another_identity(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    settings = Vgg16Settings(weights=file)
    file.write_bytes(b"one")
    one = weights_identity(settings)
    file.write_bytes(b"two")
    assert weights_identity(settings) != one


def test_shipped_weights_are_named_by_their_release() -> None:
    assert weights_identity(PixelsSettings()) == "none"
    assert weights_identity(EfficientNetLite0Settings()).startswith("efficientnet-lite0")
    assert weights_identity(Vgg16Settings()) == weights_identity(InceptionV3Settings())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.pth.*perception"):
        weights_identity(EfficientNetLite0Settings(weights=tmp_path / "absent.pth"))
