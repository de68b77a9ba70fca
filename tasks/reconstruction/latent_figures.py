"""Two figures of a trained DCGAN: its drawings among real images, and the way between two latents.

Source: the latent representation paper, sections III.B, IV.A and IV.B, figures 6 to 8.
Legend: N images, D dimensions of a latent, P pixels.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from sklearn.manifold import TSNE
from torch import Tensor

from tasks.reconstruction.dcgan_reconstructor import DcganReconstructor
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images, stored_images

_PERPLEXITY = 30.0
_AT_ONCE = 32
_GRID_SIDE = 8
_REAL_COLOUR, _DRAWN_COLOUR = "#2a6fb0", "#c0392b"


class LatentFigures(NamedTuple):
    """Both as PNG files: the t-SNE map, and 8 x 8 drawings from the top left to the bottom right."""

    map_png: bytes
    interpolation_png: bytes


def latent_figures(
    reconstructor: DcganReconstructor, real_NHWC: UInt8Array, seed: int
) -> LatentFigures:
    """Map `real_NHWC` with as many drawings; interpolate the latents found for two of them.

    `real_NHWC` are stored images of the training size, at least four of them. Where drawings fill
    another part of the map than real images, latents found are of little worth. Where drawings on
    the way between two good images look wrong, distances between latents are.
    """
    if len(real_NHWC) < 4:
        raise InputError(f"{len(real_NHWC)} images make no map.", "Give four images or more.")
    draws = np.random.default_rng(seed)
    pair = draws.choice(len(real_NHWC), 2, replace=False)
    way_NHWC = interpolated(reconstructor, real_NHWC[pair], _GRID_SIDE**2)
    shape = (len(real_NHWC), reconstructor.settings.latent_dimensions)
    latents_ND = torch.from_numpy(draws.standard_normal(shape, dtype=np.float32))
    drawn_NHWC = drawn(reconstructor, latents_ND)
    return LatentFigures(_map_png(real_NHWC, drawn_NHWC, seed), _grid_png(way_NHWC))


def drawn(reconstructor: DcganReconstructor, latents_ND: Tensor) -> UInt8Array:
    """What the generator draws at latents, as stored images `[N, H, W, C]`."""
    device = next(reconstructor.generator.parameters()).device
    with torch.no_grad():
        parts = [
            stored_images(reconstructor.shown(reconstructor.generator(part_ND.to(device))))
            for part_ND in torch.split(latents_ND, _AT_ONCE)
        ]
    return np.concatenate(parts)


def interpolated(
    reconstructor: DcganReconstructor, pair_2HWC: UInt8Array, count: int
) -> UInt8Array:
    """`count` drawings on the straight line between the latents found for two stored images."""
    first_D, last_D = reconstructor.latents(board_images(pair_2HWC))
    shares_N1 = torch.linspace(0.0, 1.0, count).unsqueeze(1)
    return drawn(reconstructor, first_D + shares_N1 * (last_D - first_D))


def embedded(real_NHWC: UInt8Array, drawn_NHWC: UInt8Array, seed: int) -> Float64Array:
    """t-SNE of the pixels of all images, first the real ones: `[2N, 2]`.

    Distances are between whole images, not between their principal components (section IV.A).
    """
    pixels_NP = np.concatenate([real_NHWC, drawn_NHWC]).reshape(2 * len(real_NHWC), -1) / 255.0
    perplexity = min(_PERPLEXITY, (len(pixels_NP) - 1) / 3)
    model = TSNE(perplexity=perplexity, init="random", learning_rate="auto", random_state=seed)
    return np.asarray(model.fit_transform(pixels_NP.astype(np.float32)), dtype=np.float64)


def _map_png(real_NHWC: UInt8Array, drawn_NHWC: UInt8Array, seed: int) -> bytes:
    real_N2, drawn_N2 = np.split(embedded(real_NHWC, drawn_NHWC, seed), 2)
    canvas = Figure(figsize=(5.6, 5.6), dpi=90, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots()
    axes.plot(
        real_N2[:, 0], real_N2[:, 1], "o", c=_REAL_COLOUR, fillstyle="none", ms=5, label="real"
    )
    axes.plot(drawn_N2[:, 0], drawn_N2[:, 1], "x", c=_DRAWN_COLOUR, ms=5, label="drawn")
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"t-SNE of the pixels, {len(real_NHWC)} images of each kind", fontsize=9)
    axes.legend(fontsize=8)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _grid_png(images_NHWC: UInt8Array) -> bytes:
    _, height, width, channels = images_NHWC.shape
    rows = images_NHWC.reshape(_GRID_SIDE, _GRID_SIDE, height, width, channels)
    grid_HWC = rows.swapaxes(1, 2).reshape(_GRID_SIDE * height, _GRID_SIDE * width, channels)
    buffer = io.BytesIO()
    picture = grid_HWC[..., 0] if channels == 1 else grid_HWC
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
