"""What normals show at each place of an aligned board, and how unusual a board is there.

Legend: C channels, D axes, h/w height and width of a map, P places (h x w), N normals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError

# Share of a place's own mean variance, and of the whole map's, that is added to each axis: few normals
# do not measure a covariance, and a place where all of them agree must not make rounding a defect.
_OWN_RIDGE = 0.1
_COMMON_RIDGE = 0.01
_SMALLEST_RIDGE = 1e-12


@dataclass(frozen=True)
class PlaceModel:
    """A normal density at each place: Mahalanobis distance `‖W (A f - µ)‖` of a feature f there.

    `axes_DC` A, `means_PD` µ, `whitening_PDD` W (lower triangular), all float32; a map has `shape_hw`.
    Source: PaDiM (Defard et al. 2021), whose random channels are random axes here.
    """

    axes_DC: Tensor
    means_PD: Tensor
    whitening_PDD: Tensor
    shape_hw: tuple[int, int]

    def distances(self, map_Chw: Tensor) -> Float32Array:
        """Distance at each place, `[h, w]`; InputError for a map of another shape."""
        if tuple(map_Chw.shape) != (self.axes_DC.shape[1], *self.shape_hw):
            raise InputError(
                f"A feature map {tuple(map_Chw.shape)} meets places of "
                f"{(self.axes_DC.shape[1], *self.shape_hw)}.",
                "Use boards of the size, and the perception, that the memory was made with.",
            )
        offsets_PD = map_Chw.to(torch.float32).flatten(1).T @ self.axes_DC.T - self.means_PD
        whitened_PD = torch.einsum("pde,pe->pd", self.whitening_PDD, offsets_PD)
        distances_P = whitened_PD.square().sum(dim=1).sqrt()
        return np.asarray(distances_P.reshape(self.shape_hw).numpy(), dtype=np.float32)


class PlaceMoments:
    """Sums over normals from which a `PlaceModel` is made; one map at a time, in a fixed order."""

    def __init__(self, map_Chw: Tensor, axes: int, seed: int) -> None:
        channels, height, width = map_Chw.shape
        self._shape_hw = (int(height), int(width))
        self._axes_DC = _random_axes(min(axes, int(channels)), int(channels), seed)
        # Sums of what is left after the first normal: of large means little precision remains.
        self._first_PD = self._projected(map_Chw)
        self._count = 0
        self._sum_PD = torch.zeros_like(self._first_PD)
        self._sum_PDD = torch.zeros(
            (*self._first_PD.shape, self._first_PD.shape[1]), dtype=torch.float64
        )

    def add(self, map_Chw: Tensor) -> None:
        """Take in the map of one normal."""
        offsets_PD = self._projected(map_Chw) - self._first_PD
        self._count += 1
        self._sum_PD += offsets_PD
        self._sum_PDD += offsets_PD[:, :, None] * offsets_PD[:, None, :]

    def model(self) -> PlaceModel:
        """Mean and shrunk covariance of every place."""
        means_PD = self._sum_PD / self._count
        covariances_PDD = self._sum_PDD / self._count - means_PD[:, :, None] * means_PD[:, None, :]
        variances_P = torch.diagonal(covariances_PDD, dim1=1, dim2=2).mean(dim=1)
        ridges_P = _OWN_RIDGE * variances_P + _COMMON_RIDGE * variances_P.mean() + _SMALLEST_RIDGE
        covariances_PDD += ridges_P[:, None, None] * torch.eye(means_PD.shape[1])
        roots_PDD = torch.linalg.cholesky(covariances_PDD)
        whitening_PDD = torch.linalg.solve_triangular(
            roots_PDD, torch.eye(means_PD.shape[1], dtype=torch.float64), upper=False
        )
        return PlaceModel(
            self._axes_DC.to(torch.float32),
            (self._first_PD + means_PD).to(torch.float32),
            whitening_PDD.to(torch.float32).contiguous(),
            self._shape_hw,
        )

    def _projected(self, map_Chw: Tensor) -> Tensor:
        return map_Chw.to(torch.float64).flatten(1).T @ self._axes_DC.T


def _random_axes(axes: int, channels: int, seed: int) -> Tensor:
    """Orthonormal random axes `[D, C]`; the channels themselves where there are no more of them."""
    if axes == channels:
        return torch.eye(channels, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    drawn_CD = torch.randn(channels, axes, generator=generator, dtype=torch.float64)
    orthonormal_CD: Tensor = torch.linalg.qr(drawn_CD).Q
    return orthonormal_CD.T.contiguous()
