"""All metrics in one explicit table; a new one is a function and a row at the end.

Rows are append-only: stored tables of metrics and trained classifiers know columns by name.
"""

from __future__ import annotations

import math
from typing import assert_never

from tasks.metrics import image, memory, patch, pixel
from tasks.metrics.aggregates import AGGREGATES
from tasks.metrics.comparison import (
    CAPABILITIES,
    DISCRIMINATOR,
    MEMORY,
    PLACES,
    QUANTIZER,
    Perceived,
)
from tasks.metrics.rows import (
    Bounds,
    ChannelMetric,
    ImageMetric,
    MemoryMetric,
    MetricRow,
    PatchMetric,
    SampleMetric,
)
from tasks.metrics.system import SYSTEM_ROWS
from tasks.vocabulary.errors import InputError

FREE: Bounds = (0.0, math.inf)
SHARE: Bounds = (0.0, 1.0)
FIRST_LEVEL = "VQGanoDIP, section 3.2, image-wise"
SECOND_LEVEL = "VQGanoDIP, section 3.2, pixel-wise"
THIRD_LEVEL = "VQGanoDIP, section 3.2, patch-wise"
# Established distances that the paper's "etc." leaves open.
ADDED = "scipy.spatial.distance; not named by VQGanoDIP"

TABLE: tuple[MetricRow, ...] = (
    ImageMetric(
        name="mse",
        level="image",
        worse="higher",
        bounds=SHARE,
        formula="mean (x - x̂)²",
        source=FIRST_LEVEL,
        function=image.mse,
    ),
    ImageMetric(
        name="perceptual_mse",
        level="image",
        worse="higher",
        bounds=FREE,
        formula="mean (f(x) - f(x̂))², f the backbone's last layer",
        source=FIRST_LEVEL,
        function=image.perceptual_mse,
    ),
    ImageMetric(
        name="quantization_mse",
        level="image",
        worse="higher",
        bounds=FREE,
        formula="mean (z - z_q)²",
        source=FIRST_LEVEL,
        needs=frozenset({QUANTIZER}),
        function=image.quantization_mse,
    ),
    ImageMetric(
        name="discriminator_input",
        level="image",
        worse="higher",
        bounds=FREE,
        formula="mean softplus(-D(x)), D the patch logits",
        source=FIRST_LEVEL,
        needs=frozenset({DISCRIMINATOR}),
        function=image.discriminator_input,
    ),
    ImageMetric(
        name="discriminator_reconstruction",
        level="image",
        worse="lower",
        bounds=FREE,
        formula="mean softplus(D(x̂)), D the patch logits",
        source=FIRST_LEVEL,
        needs=frozenset({DISCRIMINATOR}),
        function=image.discriminator_reconstruction,
    ),
    ImageMetric(
        name="orb_difference",
        level="image",
        worse="higher",
        bounds=SHARE,
        formula="1 - mutual matches / max(keypoints)",
        source=FIRST_LEVEL,
        function=image.orb_difference,
    ),
    SampleMetric(
        name="difference",
        level="image",
        worse="higher",
        bounds=SHARE,
        formula="|x - x̂|, mean over channels, of all pixels",
        source=FIRST_LEVEL,
        function=pixel.all_differences,
    ),
    SampleMetric(
        name="difference",
        level="pixel",
        worse="higher",
        bounds=SHARE,
        formula="|x - x̂|, mean over channels, of the p worst pixels",
        source=SECOND_LEVEL,
        function=pixel.worst_differences,
    ),
    PatchMetric(
        name="frechet",
        level="patch",
        worse="higher",
        bounds=FREE,
        formula="(mean x - mean y)² + (std x - std y)² of pixel values",
        source=THIRD_LEVEL,
        function=patch.frechet,
    ),
    SampleMetric(
        name="fid",
        level="patch",
        worse="higher",
        bounds=FREE,
        formula="squared Fréchet distance of features, as candidates.road measures it",
        source=THIRD_LEVEL,
        function=pixel.candidate_scores,
    ),
    PatchMetric(
        name="ssim",
        level="patch",
        worse="lower",
        bounds=(-1.0, 1.0),
        formula="mean over windows of the structural similarity",
        source=THIRD_LEVEL,
        function=patch.ssim,
    ),
    PatchMetric(
        name="bray_curtis",
        level="patch",
        worse="higher",
        bounds=SHARE,
        formula="Σ|x - y| / Σ|x + y|",
        source=THIRD_LEVEL,
        function=patch.bray_curtis,
    ),
    PatchMetric(
        name="canberra",
        level="patch",
        worse="higher",
        bounds=FREE,
        formula="Σ |x - y| / (|x| + |y|)",
        source=THIRD_LEVEL,
        function=patch.canberra,
    ),
    PatchMetric(
        name="euclidean",
        level="patch",
        worse="higher",
        bounds=FREE,
        formula="√ Σ (x - y)²",
        source=THIRD_LEVEL,
        function=patch.euclidean,
    ),
    PatchMetric(
        name="cosine",
        level="patch",
        worse="higher",
        bounds=SHARE,
        formula="1 - x·y / (|x| |y|)",
        source=THIRD_LEVEL,
        function=patch.cosine,
    ),
    PatchMetric(
        name="wasserstein",
        level="patch",
        worse="higher",
        bounds=SHARE,
        formula="mean |sorted x - sorted y|",
        source=THIRD_LEVEL,
        function=patch.wasserstein,
    ),
    PatchMetric(
        name="hamming",
        level="patch",
        worse="higher",
        bounds=SHARE,
        formula="share of 8-bit levels that differ by more than 8",
        source=THIRD_LEVEL,
        function=patch.hamming,
    ),
    PatchMetric(
        name="minkowski",
        level="patch",
        worse="higher",
        bounds=FREE,
        formula="(Σ |x - y|³)^(1/3)",
        source=THIRD_LEVEL,
        function=patch.minkowski,
    ),
    PatchMetric(
        name="jensen_shannon",
        level="patch",
        worse="higher",
        bounds=(0.0, math.sqrt(math.log(2.0))),
        formula="√ of the divergence of x / Σx and y / Σy",
        source=THIRD_LEVEL,
        function=patch.jensen_shannon,
    ),
    PatchMetric(
        name="correlation",
        level="patch",
        worse="higher",
        bounds=(0.0, 2.0),
        formula="1 - Pearson's r",
        source=ADDED,
        function=patch.correlation,
    ),
    PatchMetric(
        name="chebyshev",
        level="patch",
        worse="higher",
        bounds=SHARE,
        formula="max |x - y|",
        source=ADDED,
        function=patch.chebyshev,
    ),
    PatchMetric(
        name="city_block",
        level="patch",
        worse="higher",
        bounds=FREE,
        formula="Σ |x - y|",
        source=ADDED,
        function=patch.city_block,
    ),
    MemoryMetric(
        name="distance",
        level="bank",
        worse="higher",
        bounds=FREE,
        formula="min ‖f(x) - e‖ over remembered features e of normals, at each position",
        source="PatchCore (Roth et al. 2022), equation 6 without its weight",
        needs=frozenset({MEMORY}),
        parts=memory.PARTS,
        function=memory.bank_distances,
    ),
    MemoryMetric(
        name="distance",
        level="place",
        worse="higher",
        bounds=FREE,
        formula="Mahalanobis distance of f(x) to what normals show at the same place",
        source="PaDiM (Defard et al. 2021), equation 2; aligned products only",
        needs=frozenset({PLACES}),
        parts=memory.PARTS,
        function=memory.place_distances,
    ),
    ChannelMetric(
        name="mean",
        level="embedding",
        worse="neither",
        bounds=(-math.inf, math.inf),
        formula="mean f(x) over positions, of each channel of each map",
        source="global average pooling (Lin et al. 2014)",
        needs=frozenset({MEMORY}),
        function=memory.channel_means,
    ),
    *SYSTEM_ROWS,
)


def offered_rows(capabilities: frozenset[str]) -> tuple[MetricRow, ...]:
    """Rows whose needs are met; a capability that no row knows is an `InputError`."""
    unknown = capabilities - CAPABILITIES
    if unknown:
        raise InputError(
            f"Unknown capabilities: {', '.join(sorted(unknown))}.",
            f"Known are: {', '.join(sorted(CAPABILITIES))}.",
        )
    return tuple(row for row in TABLE if row.needs <= capabilities)


def masked_rows(capabilities: frozenset[str]) -> tuple[MetricRow, ...]:
    """Rows that rest on the difference, hence are taken once more on mask times difference."""
    return tuple(
        row for row in offered_rows(capabilities) if isinstance(row, SampleMetric | PatchMetric)
    )


def patch_rows() -> tuple[PatchMetric, ...]:
    """Rows that compare patches: every reconstructor offers what they need."""
    return tuple(row for row in TABLE if isinstance(row, PatchMetric))


def columns_of(row: MetricRow, perceived: Perceived | None = None) -> tuple[str, ...]:
    """Column names of one row: `image.mse`, `patch.ssim.sum`, `bank.distance.16px.worst`, ...

    `perceived` tells what a memory's rows are measured on; without it they have no columns.
    """
    stem = f"{row.level}.{row.name}"
    match row:
        case ImageMetric():
            return (stem,)
        case SampleMetric() | PatchMetric():
            return tuple(f"{stem}.{aggregate}" for aggregate in AGGREGATES)
        case MemoryMetric():
            strides = perceived.remembered if perceived else ()
            return tuple(f"{stem}.{stride}px.{part}" for stride in strides for part in row.parts)
        case ChannelMetric():
            maps = zip(perceived.strides, perceived.channels, strict=True) if perceived else ()
            return tuple(
                f"{stem}.{stride}px.{channel}" for stride, count in maps for channel in range(count)
            )
        case _:
            assert_never(row)


def column_names(
    capabilities: frozenset[str], masked: bool, perceived: Perceived | None = None
) -> tuple[str, ...]:
    """Name the columns of a table of metrics, in order; `masked` appends the twins, `masked...`.

    `capabilities` are `"latent"`, `"discriminator"`, `"memory"`, `"places"` and `"score...."`, as
    `Comparison.capabilities` tells them; with a memory `perceived` is needed.
    """
    plain = [column for row in offered_rows(capabilities) for column in columns_of(row, perceived)]
    if not masked:
        return tuple(plain)
    twins = [f"masked.{column}" for row in masked_rows(capabilities) for column in columns_of(row)]
    return (*plain, *twins)
