"""The distance that a Siamese network learns (3D-printed parts, sections 3.3 and 4.6), and its place.

An image comes as maps of a frozen trunk: one side (the image: the paper's supervised baseline) or two
(the image and its reconstruction). The layers that are trained are the same for every side; their
maps are averaged over the positions, concatenated, and joined to one logit. Higher = more suspect:
the paper's target is 1 for a good pair, here it is 1 for a defective one.

Departures: channels are scaled to mean 0 and deviation 1 over the training part (both sides alike),
and the layers start from random weights, not from ImageNet's.

Legend: N images, S sides, C channels of the trunk, F filters, h/w positions, H/W pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.classification.network_settings import NetworkSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

_NO_SPREAD = 1e-6


class SiameseNetwork(nn.Module):
    """Frozen scaling, shared convolutions, mean over positions, one logit of all sides."""

    scale_C11: Tensor
    centre_C11: Tensor

    def __init__(
        self, shape_SChw: tuple[int, int, int, int], settings: NetworkSettings, seed: int
    ) -> None:
        super().__init__()
        sides, channels = shape_SChw[:2]
        widths = [channels] + [settings.filters] * settings.layers
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            for taken, given in pairwise(widths):
                padding = settings.kernel_px // 2
                layers += [nn.Conv2d(taken, given, settings.kernel_px, padding=padding), nn.ReLU()]
            self.layers = nn.Sequential(*layers)
            self.decision = nn.Linear(sides * settings.filters, 1)
        self.register_buffer("centre_C11", torch.zeros(channels, 1, 1))
        self.register_buffer("scale_C11", torch.ones(channels, 1, 1))

    def scale_by(self, maps_NSChw: Tensor) -> None:
        """Take mean and deviation of every channel from a training part; no spread: scaled by 1."""
        axes = (0, 1, 3, 4)
        spread_C = maps_NSChw.double().std(dim=axes, correction=0).float()
        spread_C = torch.where(spread_C > _NO_SPREAD, spread_C, torch.ones_like(spread_C))
        self.centre_C11.copy_(maps_NSChw.double().mean(dim=axes).float()[:, None, None])
        self.scale_C11.copy_(spread_C[:, None, None])

    def maps(self, maps_NSChw: Tensor) -> Tensor:
        """What the shared layers make of every side, `[N, S, F, h, w]`."""
        scaled = (maps_NSChw - self.centre_C11) / self.scale_C11
        made: Tensor = self.layers(scaled.flatten(0, 1))
        return made.reshape(*maps_NSChw.shape[:2], *made.shape[1:])

    def forward(self, maps_NSChw: Tensor) -> Tensor:
        """Logits `[N]` that an image is defective."""
        pooled_NK = self.maps(maps_NSChw).mean(dim=(3, 4)).flatten(1)
        logits_N1: Tensor = self.decision(pooled_NK)
        return logits_N1[:, 0]


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """A trained network and the shape of the rows that it reads."""

    network: SiameseNetwork
    shape_SChw: tuple[int, int, int, int]

    def score(self, table_NK: Float64Array) -> Float64Array:
        """Probability that an image is defective, `[N]`; an image's does not depend on the others."""
        with torch.inference_mode(), _one_thread():
            logits = [self.network(_maps(row_1K, self.shape_SChw)) for row_1K in table_NK[:, None]]
            scores_N = torch.sigmoid(torch.cat([*logits, torch.empty(0)]).double()).numpy()
        return np.asarray(scores_N, dtype=np.float64)

    def logit(self, row_K: Float64Array) -> float:
        """Logit of one image."""
        with torch.inference_mode(), _one_thread():
            return float(self.network(_maps(row_K[None], self.shape_SChw)))

    def activation(self, row_K: Float64Array) -> Float32Array:
        """Class activation of each side, `[S, h, w]` (Zhou et al. 2016, equation 2).

        Maps weighted by what the decision makes of them: the mean over positions, summed over the
        sides, is the logit without the decision's bias.
        """
        sides = self.shape_SChw[0]
        with torch.inference_mode(), _one_thread():
            maps_SFhw = self.network.maps(_maps(row_K[None], self.shape_SChw))[0]
            weights_SF = self.network.decision.weight.reshape(sides, -1)
            made_Shw = torch.einsum("sf,sfhw->shw", weights_SF, maps_SFhw)
        return np.asarray(made_Shw.numpy(), dtype=np.float32)

    def saliency(self, row_K: Float64Array, height_px: int, width_px: int) -> Float32Array:
        """What speaks for a defect at each pixel, `[H, W]`: activations of all sides, bilinear."""
        activation_11hw = torch.from_numpy(self.activation(row_K).sum(axis=0))[None, None]
        made = functional.interpolate(
            activation_11hw, size=(height_px, width_px), mode="bilinear", align_corners=False
        )
        return np.asarray(made[0, 0].numpy(), dtype=np.float32)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all weights."""
        digest = hashlib.sha256()
        for name, value in self.network.state_dict().items():
            digest.update(name.encode() + value.numpy().tobytes())
        return digest.hexdigest()


def fitted_network(
    settings: NetworkSettings,
    table_NK: Float64Array,
    labels_N: Int64Array,
    columns: Sequence[str],
    seed: int,
) -> FittedNetwork:
    """Train on rows of frozen maps by binary cross-entropy; everything random follows from `seed`.

    `columns` tell the shape: see `shape_of`. InputError for a training part of a single class.
    """
    shape_SChw = shape_of(columns)
    _require_both_classes(labels_N)
    with _one_thread():
        maps_NSChw = _maps(table_NK, shape_SChw)
        network = SiameseNetwork(shape_SChw, settings, seed)
        network.scale_by(maps_NSChw)
        _train(network, settings, maps_NSChw, torch.from_numpy(labels_N).float(), seed)
    return FittedNetwork(network.eval(), shape_SChw)


def shape_of(columns: Sequence[str]) -> tuple[int, int, int, int]:
    """Sides, channels, height and width of columns `<side>/<channel>/<row>/<column>`, in that order.

    InputError for columns that are no whole maps.
    """
    try:
        *_, channels, height, width = (int(one) + 1 for one in columns[-1].split("/")[1:])
        sides = len(dict.fromkeys(name.partition("/")[0] for name in columns))
    except (IndexError, ValueError):
        channels, height, width, sides = 0, 0, 0, 0
    if sides * channels * height * width != len(columns) or not columns:
        raise InputError(
            f"{len(columns)} columns are no maps of a trunk.",
            "Name them <side>/<channel>/<row>/<column>, or take the judgement `classifier`.",
        )
    return sides, channels, height, width


def _train(
    network: SiameseNetwork,
    settings: NetworkSettings,
    maps_NSChw: Tensor,
    targets_N: Tensor,
    seed: int,
) -> None:
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    images = len(targets_N)
    steps = settings.epochs * -(-images // settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for batch_B in _batches(images, settings, seed):
        logits_B = network(maps_NSChw[batch_B])
        loss = functional.binary_cross_entropy_with_logits(logits_B, targets_N[batch_B])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        schedule.step()


def _batches(images: int, settings: NetworkSettings, seed: int) -> Iterator[Tensor]:
    """Every image once an epoch, in an order of its own."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(settings.epochs):
        order = torch.randperm(images, generator=generator)
        yield from torch.split(order, settings.batch_size)


def _maps(table_NK: Float64Array, shape_SChw: tuple[int, int, int, int]) -> Tensor:
    return torch.from_numpy(table_NK.astype(np.float32)).reshape(-1, *shape_SChw)


def _require_both_classes(labels_N: Int64Array) -> None:
    if np.unique(labels_N).size < 2:
        missing = "defect" if not labels_N.any() else "normal image"
        raise InputError(
            f"The {labels_N.size} images of a training part have no {missing}.",
            "Label some of both classes: a network that tells them apart learns from both.",
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """The same sums in the same order on any machine that does this; a worker has one core anyway."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
