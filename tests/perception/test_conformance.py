"""Networks made fast see what the packages' own modules see, at every size, and back to the image.

Legend: N images, C channels, H/W rows and columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import inception_v3
from torchvision.models.vgg import cfgs, make_layers

from tasks.perception.backbone import Perception, build_perception
from tasks.perception.block import WHOLE_BYTES, Block
from tasks.perception.settings import (
    EfficientNetLite0Settings,
    InceptionV3Settings,
    Vgg16Settings,
)
from tests.perception.package import package_maps, package_network

# Beyond this, the maps between the convolutions of the second block pass in strips.
IN_STRIPS = (521, 400)
SIZES = [(1, 1), (2, 9), (32, 32), (75, 75), (96, 128), (129, 129), (224, 224), (300, 75)]


@pytest.fixture(scope="module")
def lite0() -> Perception:
    return build_perception(EfficientNetLite0Settings())


@pytest.fixture(scope="module")
def package() -> Any:
    return package_network()


def images_of(size: tuple[int, int], count: int = 1) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(sum(size)))


def normalised(perception: Perception, images_N3HW: Tensor) -> Tensor:
    return (images_N3HW - perception.mean) / perception.deviation


def gradient(maps: Iterable[Tensor], images_N3HW: Tensor) -> Tensor:
    loss = torch.stack([features.square().mean() for features in maps]).sum()
    return torch.autograd.grad(loss, images_N3HW)[0]


def assert_same(found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("size", [*SIZES, IN_STRIPS])
def test_lite0_maps_are_the_packages_own(
    lite0: Perception, package: Any, size: tuple[int, int]
) -> None:
    images = images_of(size)
    with torch.no_grad():
        expected = list(package_maps(package, normalised(lite0, images)))
        for found, own in zip(lite0(images), expected, strict=True):
            assert_same(found, own)


def test_lite0_ends_where_the_package_extracts_features(lite0: Perception, package: Any) -> None:
    images = images_of((224, 224))
    with torch.no_grad():
        own = package.extract_features(normalised(lite0, images))
        assert_same(lite0(images)[-1], own)


@pytest.mark.parametrize("size", [(32, 32), (45, 64)])
def test_gradients_to_the_image_are_the_packages_own(size: tuple[int, int]) -> None:
    """In float64: in float32 a ReLU6 within rounding of its kink may fall to either side."""
    exact = build_perception(EfficientNetLite0Settings()).double()
    own = package_network().double()
    images = images_of(size).double().requires_grad_()
    found = gradient(exact(images), images)
    expected = gradient(package_maps(own, normalised(exact, images)), images)
    assert_same(found, expected)


def test_nothing_is_overwritten(lite0: Perception) -> None:
    """Activations and sums work in place: on their own results, never on what they were given."""
    images = images_of((33, 48), count=2)
    given = images.clone()
    with torch.no_grad():
        maps = lite0(images)
        kept = [features.clone() for features in maps]
        lite0(1.0 - images)
    assert torch.equal(images, given)
    assert all(torch.equal(one, other) for one, other in zip(maps, kept, strict=True))


def test_strips_make_the_map_that_autograd_gets_whole(lite0: Perception) -> None:
    block = lite0.trunk.blocks[1]  # type: ignore[index]
    assert isinstance(block, Block)
    features = images_of((16, 261 * 203)).reshape(3, 16, 261, 203)
    features = features.contiguous(memory_format=torch.channels_last)
    assert WHOLE_BYTES < 96 * 261 * 203 * 4
    strips = block(features)
    assert_same(strips, block(features.requires_grad_()))
    assert strips.is_contiguous(memory_format=torch.channels_last)


def test_strips_of_an_image_are_the_same_in_any_company(lite0: Perception) -> None:
    images = images_of(IN_STRIPS, count=2)
    with torch.no_grad():
        together = lite0(images)[0]
        alone = [lite0(image[None])[0] for image in images]
    assert torch.equal(together, torch.cat(alone))


def test_vgg16_maps_are_torchvisions_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    features = make_layers(cfgs["D"]).eval()
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    torch.save(state, tmp_path / "vgg16.pth")
    perception = build_perception(Vgg16Settings(weights=tmp_path / "vgg16.pth"))
    images = images_of((48, 64))
    with torch.no_grad():
        maps = perception(images)
        made = normalised(perception, images)
        for position, layer in enumerate(features):
            made = layer(made)
            if position in (8, 15, 22, 29):
                assert_same(maps[(position - 8) // 7], made)


@pytest.mark.slow
def test_inception_features_lead_to_torchvisions_own_answer(tmp_path: Path) -> None:
    torch.manual_seed(2)
    own = inception_v3(init_weights=False, transform_input=False).eval()
    for module in own.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            for values in (module.bias, module.running_mean, module.running_var):
                assert values is not None
                nn.init.uniform_(values, 0.1, 1.0)
    torch.save(own.state_dict(), tmp_path / "inception.pth")
    perception = build_perception(InceptionV3Settings(weights=tmp_path / "inception.pth"))
    images = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        answer = own.fc(own.avgpool(perception(images)[-1]).flatten(1))
        assert_same(answer, own(normalised(perception, images)), 1e-4)
