from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tasks.metrics.comparison import Comparison, Suspects
from tasks.vocabulary.arrays import Int64Array

ComparisonOf = Callable[..., Comparison]
SuspectsOf = Callable[..., Suspects]


@pytest.fixture
def comparison_of() -> ComparisonOf:
    """Builds a comparison of smooth random images: a reconstruction that is off by some noise."""

    def build(seed: int = 0, channels: int = 1, side: int = 48, noise: float = 0.05) -> Comparison:
        generator = np.random.default_rng(seed)
        seen = generator.random((channels, side, side), dtype=np.float32)
        off = noise * generator.standard_normal(seen.shape)
        reconstructed = np.clip(seen + off, 0, 1).astype(np.float32)
        latent, features = generator.random((4, 6, 6)), generator.random((3, side // 4, side // 4))
        return Comparison(
            input_CHW=seen,
            reconstruction_CHW=reconstructed,
            difference_HW=np.abs(seen - reconstructed).mean(axis=0),
            latent_Dhw=latent.astype(np.float32),
            quantized_Dhw=(latent + noise).astype(np.float32),
            realness_input_hw=generator.standard_normal((5, 5)).astype(np.float32),
            realness_output_hw=generator.standard_normal((5, 5)).astype(np.float32),
            features_input=(features.astype(np.float32),),
            features_reconstruction=((features + noise).astype(np.float32),),
        )

    return build


@pytest.fixture
def suspects_of() -> SuspectsOf:
    """Builds candidates of three sizes, many of them more than once."""

    def build(seed: int = 0, side: int = 48, count: int = 60) -> Suspects:
        generator = np.random.default_rng(seed)
        sides = generator.choice([4, 8, 12], size=count)
        starts = generator.integers(0, side // 4, size=(count, 2)) % (side - sides[:, None] + 1)
        boxes_Q4: Int64Array = np.concatenate([starts, starts + sides[:, None]], axis=1)
        return Suspects(boxes_Q4, generator.random(count), generator.integers(0, side, (20, 2)))

    return build
