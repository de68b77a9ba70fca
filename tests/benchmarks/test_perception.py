"""Maps of an image pair by the folded network and by its package's modules: same values.

One core: `pytest --benchmark-enable tests/benchmarks/test_perception.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from tasks.perception.backbone import Perception, build_perception
from tasks.perception.settings import EfficientNetLite0Settings
from tests.perception.package import package_maps, package_network

# What a line inspects, crops as the exact road batches them, and maps that pass in strips.
BATCHES = {"pair of 128 px": (2, 128), "32 crops of 64 px": (32, 64), "512 px": (1, 512)}


@pytest.fixture(scope="module", autouse=True)
def one_core() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def perception() -> Perception:
    return build_perception(EfficientNetLite0Settings())


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("road", ["folded", "package"])
def test_perception(
    benchmark: BenchmarkFixture, perception: Perception, road: str, batch: str
) -> None:
    count, side = BATCHES[batch]
    images = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    network = package_network()

    def package(images_N3HW: Tensor) -> tuple[Tensor, ...]:
        normalised = (images_N3HW - perception.mean) / perception.deviation
        return tuple(package_maps(network, normalised))

    roads: dict[str, Callable[[Tensor], tuple[Tensor, ...]]] = {
        "folded": perception,
        "package": package,
    }
    with torch.inference_mode():
        maps = benchmark(roads[road], images)
        for found, expected in zip(maps, package(images), strict=True):
            assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
