"""PatchCore and PaDiM as the package anomalib computes them, an optional extra.

The models' arithmetic is the package's; the features are those of this program, so that a
difference between rivals is not one of backbones, and nothing is downloaded.

Legend: C channels, H/W image height and width, D features.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tasks.baselines.positions import chosen_maps
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import AnomalibSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

# The package names layers after a network of its own, which is built, never run and replaced.
_LAYERS = ("layer1", "layer2", "layer3", "layer4")
_NEVER_RUN = "resnet18"


class AnomalibModel(Rival):
    """The score and the map of one of anomalib's models; image by image, on the CPU."""

    columns = ("score",)

    def __init__(self, normals: Normals, settings: AnomalibSettings) -> None:
        extractor = _Features(normals, settings)
        with _seeded(normals.seed), _quiet():
            self._model = _built(settings, extractor, normals.images_NHWC[0])
            self._model.train()
            for image_HWC in normals.images_NHWC:
                self._model(_tensor(image_HWC))
            if settings.model == "patchcore":
                self._model.subsample_embedding(settings.coreset_share)
            else:
                self._model.fit()
        self._model.eval()
        self.state_bytes = sum(b.numel() * b.element_size() for b in self._model.buffers())

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the model's own anomaly map."""
        anomaly_map = self._judged(image_HWC).anomaly_map
        return np.asarray(anomaly_map.reshape(image_HWC.shape[:2]).numpy(), dtype=np.float32)

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        return np.array([float(self._judged(image_HWC).pred_score)])

    @torch.inference_mode()
    def _judged(self, image_HWC: UInt8Array) -> Any:
        return self._model(_tensor(image_HWC))


class _Features(nn.Module):
    """The maps of this program under the names of the package's layers."""

    def __init__(self, normals: Normals, settings: AnomalibSettings) -> None:
        super().__init__()
        self._maps = normals.features
        self._chosen = chosen_maps(normals.strides, settings.strides)
        if len(self._chosen) > len(_LAYERS):
            raise InputError(
                f"anomalib is given {len(self._chosen)} maps.", "Choose at most 4 strides."
            )
        self.names = _LAYERS[: len(self._chosen)]

    def forward(self, image_1CHW: Tensor) -> dict[str, Tensor]:
        """Maps `[1, C_l, h_l, w_l]` by name, of one image in grey levels."""
        image_HWC = image_1CHW[0].permute(1, 2, 0).to(torch.uint8).numpy()
        maps = self._maps(image_HWC)
        # A copy: the caller's own array must not change, and torch warns of read-only ones.
        chosen = (torch.from_numpy(np.array(maps[index]))[None] for index in self._chosen)
        return dict(zip(self.names, chosen, strict=True))


def _built(settings: AnomalibSettings, extractor: _Features, image_HWC: UInt8Array) -> Any:
    """An untrained model of the package, its network replaced by `extractor`."""
    patchcore, padim = _packages()
    never_run = {"backbone": _NEVER_RUN, "pre_trained": False, "layers": list(extractor.names)}
    if settings.model == "patchcore":
        model = patchcore(num_neighbors=settings.neighbours, **never_run)
    else:
        model = padim(n_features=1, **never_run)
        maps = extractor(_tensor(image_HWC)).values()
        features = sum(map_1Chw.shape[1] for map_1Chw in maps)
        model.idx = torch.randperm(features)[: settings.dimensions]
    model.feature_extractor = extractor
    return model


def _packages() -> tuple[Any, Any]:
    """The two model classes; `InputError` where the package is missing or of another build."""
    try:
        with _quiet():
            from anomalib.models.image.padim.torch_model import PadimModel
            from anomalib.models.image.patchcore.torch_model import PatchcoreModel
    except ImportError as error:
        raise InputError(
            f"The rival anomalib needs a package that cannot be imported ({error}).",
            'Run `pip install "zeroescape[anomalib]"`, or leave this rival out.',
        ) from error
    return PatchcoreModel, PadimModel


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global generators, torch's and numpy's, from which the package draws; then restore."""
    before = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the package's progress bars, and what it is told off for in its own affairs."""
    with redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _tensor(image_HWC: UInt8Array) -> Tensor:
    """`[1, C, H, W]` float32 in grey levels, which a byte holds exactly."""
    grey_CHW = np.ascontiguousarray(image_HWC.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(grey_CHW)[None]
