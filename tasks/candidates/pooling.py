"""The fast road: Fréchet distances of boxes from feature maps that the whole images pass once.

The Fréchet Inception Distance compares two sets of feature vectors by the Gaussians fitted to them.
The paper passes each patch through the network, thousands of passes an image. Here both images pass
the network once, and a box's set of vectors are the feature vectors at the map positions it covers.
With few positions a full covariance has no rank, so the Gaussians are diagonal, for which the
distance has a closed form:

    d² = Σ_layers 1/C Σ_channels (μ₁ - μ₂)² + (σ₁ - σ₂)²

The division by the layer's channels C keeps wide layers from drowning narrow ones. A departure from
the paper, where the features of a patch are Inception-v3's of the patch alone.

Legend: C channels, h/w map height and width, K boxes, U distinct areas of a map, n positions of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.candidates.boxes import distinct_boxes
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

FeatureMap = torch.Tensor | NDArray[np.floating]

# Integral images hold four float64 values a channel and position: those of a whole board at 1024 px take
# 200 MB. In tiles of this many positions a side they stay in the cache, and empty tiles cost nothing.
TILE = 64


@dataclass(frozen=True)
class LayerPair:
    """One layer of both images, channels last, and what each channel of the input is on average."""

    both_hw2C: Float32Array
    centre_2C: Float64Array

    def distances(self, areas_U4: Int64Array) -> Float64Array:
        """Squared Fréchet distance `[U]` in areas of the map, mean over its channels.

        An area belongs to the tile that it starts in; sums there run on as far as an area does. No
        distance depends on which other areas are asked for.
        """
        distances_U = np.empty(len(areas_U4), dtype=np.float64)
        tiles_a_row = self.both_hw2C.shape[1] // TILE + 1
        tiles_U = areas_U4[:, 0] // TILE * tiles_a_row + areas_U4[:, 1] // TILE
        for tile in np.unique(tiles_U):
            inside = np.flatnonzero(tiles_U == tile)
            origin = np.array(divmod(int(tile), tiles_a_row)) * TILE
            (top, left), (bottom, right) = origin, areas_U4[inside, 2:].max(axis=0)
            integral = integral_moments(self.both_hw2C[top:bottom, left:right], self.centre_2C)
            distances_U[inside] = gaussian_distances(
                integral, areas_U4[inside] - np.tile(origin, 2)
            )
        return distances_U


@dataclass(frozen=True)
class PooledDistances:
    """Both images' feature maps, prepared once to be asked for the distances of any boxes."""

    layers: tuple[LayerPair, ...]
    image_height: int
    image_width: int

    def distances(self, boxes_K4: Int64Array) -> Float64Array:
        """Squared Fréchet distance `float64 [K]` in each box, summed over the layers."""
        total_K = np.zeros(len(boxes_K4), dtype=np.float64)
        image_size = (self.image_height, self.image_width)
        for layer in self.layers:
            areas_K4 = covered_positions(boxes_K4, image_size, layer.both_hw2C.shape[:2])
            # On a coarse map many boxes cover the same positions.
            distinct_U4, inverse_K = distinct_boxes(areas_K4)
            total_K += layer.distances(distinct_U4)[inverse_K]
        return total_K


def pooled_distances(
    features_input: tuple[FeatureMap, ...],
    features_reconstruction: tuple[FeatureMap, ...],
    image_height: int,
    image_width: int,
    longest_stride_px: int,
) -> PooledDistances:
    """Prepare all layers whose stride is at most `longest_stride_px`.

    Each feature map is `[C, h, w]`; its stride is the image's side divided by the map's. Coarser
    layers are left out: one of their positions sees far more than a box. No layer left, or maps of
    two shapes, is an `InputError`; features that are not finite are a `NoAnswerError`.
    """
    if len(features_input) != len(features_reconstruction):
        raise InputError(
            f"{len(features_input)} layers of the input face {len(features_reconstruction)} of the "
            "reconstruction.",
            "Pass both through the same perception backbone.",
        )
    layers = tuple(
        _layer_pair(seen, reconstructed)
        for seen, reconstructed in zip(features_input, features_reconstruction, strict=True)
        if image_height <= longest_stride_px * seen.shape[1]
        and image_width <= longest_stride_px * seen.shape[2]
    )
    if not layers:
        raise InputError(
            f"No feature map has a stride of {longest_stride_px} px or finer.",
            "Raise candidates.road.longest_stride_px or choose a backbone with finer layers.",
        )
    return PooledDistances(layers, image_height, image_width)


def _layer_pair(seen_Chw: FeatureMap, reconstructed_Chw: FeatureMap) -> LayerPair:
    """Demand one shape (`InputError`) and finite values (`NoAnswerError`)."""
    if seen_Chw.shape != reconstructed_Chw.shape:
        raise InputError(
            f"A feature map {tuple(seen_Chw.shape)} faces one of shape "
            f"{tuple(reconstructed_Chw.shape)}.",
            "Pass both through the same perception backbone.",
        )
    both_hw2C = np.concatenate(
        [as_map(seen_Chw).transpose(1, 2, 0), as_map(reconstructed_Chw).transpose(1, 2, 0)], axis=2
    )
    if not np.isfinite(both_hw2C).all():
        raise NoAnswerError(
            "A feature map holds values that are not finite.",
            "Look at the image by eye; check the perception backbone's weights.",
        )
    centre_C = both_hw2C[..., : len(seen_Chw)].mean(axis=(0, 1), dtype=np.float64)
    return LayerPair(both_hw2C, np.tile(centre_C, 2))


def as_map(feature_Chw: FeatureMap) -> Float32Array:
    """Bring a feature map to numpy, from whichever device it is on."""
    if isinstance(feature_Chw, torch.Tensor):
        return feature_Chw.detach().float().cpu().numpy()
    return np.asarray(feature_Chw, dtype=np.float32)


def covered_positions(
    boxes_K4: Int64Array, image_size: tuple[int, int], map_size: tuple[int, ...]
) -> Int64Array:
    """Find the map positions that boxes touch: `[K, 4]`, at least one position each way."""
    image, scale = np.array(image_size, dtype=np.int64), np.array(map_size, dtype=np.int64)
    starts_K2 = boxes_K4[:, :2] * scale // image
    ends_K2 = -(-boxes_K4[:, 2:] * scale // image)
    return np.concatenate([starts_K2, ends_K2], axis=1)


def integral_moments(both_hw2C: Float32Array, centre_2C: Float64Array) -> Float64Array:
    """Integral images `float64 [h + 1, w + 1, 4C]`: both maps, then the squares of both.

    Each channel is first shifted by its centre: distances do not change, and sums of squares lose
    fewer digits when a variance is taken from them.
    """
    height, width, channels = both_hw2C.shape
    # Channels last: a box's corner is then one contiguous row to fetch.
    integral = np.zeros((height + 1, width + 1, 2 * channels), dtype=np.float64)
    inner = integral[1:, 1:]
    np.subtract(both_hw2C, centre_2C, out=inner[..., :channels])
    np.square(inner[..., :channels], out=inner[..., channels:])
    # Not np.cumsum: on this layout it walks channel by channel, up to ten times slower.
    for row in range(2, height + 1):
        integral[row] += integral[row - 1]
    for column in range(2, width + 1):
        integral[:, column] += integral[:, column - 1]
    return integral


def gaussian_distances(integral: Float64Array, areas_U4: Int64Array) -> Float64Array:
    """Squared Fréchet distance `[U]` of diagonal Gaussians in each area, mean over channels.

    An area of one position has no spread: what remains is the squared distance of its two vectors.
    """
    channels, row = integral.shape[2] // 4, integral.shape[1]
    corners = integral.reshape(-1, 4 * channels)
    top, left, bottom, right = areas_U4.T
    moments = corners.take(bottom * row + right, axis=0)
    moments -= corners.take(top * row + right, axis=0)
    moments -= corners.take(bottom * row + left, axis=0)
    moments += corners.take(top * row + left, axis=0)
    count_U = (bottom - top) * (right - left)
    moments /= count_U[:, None]
    means, squares = moments[:, : 2 * channels], moments[:, 2 * channels :]
    # Rounding may leave a variance a little below 0.
    variances = np.maximum(squares - np.square(means), 0.0)
    variances[count_U == 1] = 0.0
    deviations = np.sqrt(variances)
    mean_gap = means[:, :channels] - means[:, channels:]
    deviation_gap = deviations[:, :channels] - deviations[:, channels:]
    squared = np.square(mean_gap) + np.square(deviation_gap)
    return np.asarray(squared.mean(axis=1), dtype=np.float64)
