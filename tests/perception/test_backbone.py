from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import inception_v3
from torchvision.models.vgg import cfgs, make_layers

from tasks.perception.backbone import Perception, build_perception, weights_digest
from tasks.perception.settings import (
    EfficientNetLite0Settings,
    InceptionV3Settings,
    PerceptionSettings,
    PixelsSettings,
    Vgg16Settings,
)
from tasks.vocabulary.errors import InputError


@pytest.fixture(scope="module")
def lite0() -> Perception:
    return build_perception(EfficientNetLite0Settings())


@pytest.fixture(scope="module")
def members(
    lite0: Perception, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Perception, int]]:
    """Every member with the shortest side it takes; networks that need a download get random
    weights from a file, which exercises the real loading code."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    convolutions = nn.Sequential(OrderedDict(features=make_layers(cfgs["D"])))
    torch.save(convolutions.state_dict(), folder / "vgg16.pth")
    torch.save(inception_v3(init_weights=False).state_dict(), folder / "inception.pth")
    return {
        "efficientnet_lite0": (lite0, 32),
        "vgg16": (build_perception(Vgg16Settings(weights=folder / "vgg16.pth")), 32),
        "inception_v3": (
            build_perception(InceptionV3Settings(weights=folder / "inception.pth")),
            96,
        ),
        "pixels": (build_perception(PixelsSettings()), 32),
    }


KINDS = ["efficientnet_lite0", "vgg16", "inception_v3", "pixels"]


@pytest.mark.parametrize("kind", KINDS)
def test_member_gives_one_map_a_stride_shallow_to_deep(
    members: dict[str, tuple[Perception, int]], kind: str
) -> None:
    perception, side = members[kind]
    maps = perception(torch.rand(2, 3, side, side))
    assert len(maps) == len(perception.strides)
    for stride, features in zip(perception.strides, maps, strict=True):
        assert features.shape[0] == 2
        # Inception pads nothing in some layers: up to four feature pixels fewer.
        assert -4 <= features.shape[2] - side // stride <= 0
        assert features.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_member_is_frozen_and_passes_gradients_to_the_image(
    members: dict[str, tuple[Perception, int]], kind: str
) -> None:
    perception, side = members[kind]
    perception.train()
    assert not any(module.training for module in perception.modules())
    assert not any(parameter.requires_grad for parameter in perception.parameters())
    images = torch.rand(1, 1, side, side, requires_grad=True)
    perception(images)[-1].square().mean().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_member_runs_under_bfloat16_and_channels_last(
    members: dict[str, tuple[Perception, int]], kind: str
) -> None:
    perception, side = members[kind]
    images = torch.rand(1, 3, side, side)
    exact = perception(images)[-1]
    with torch.autocast("cpu", torch.bfloat16):
        fast = perception(images.contiguous(memory_format=torch.channels_last))[-1]
    cosine = functional.cosine_similarity(fast.float().flatten(), exact.flatten(), dim=0)
    assert cosine > 0.98


def test_grey_image_equals_the_same_grey_in_three_channels(lite0: Perception) -> None:
    grey = torch.rand(1, 1, 32, 32)
    for one, three in zip(lite0(grey), lite0(grey.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(one, three)


@given(st.integers(2, 40), st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_pixels_are_means_of_squares(height: int, width: int) -> None:
    images = torch.rand(1, 3, height, width)
    first = build_perception(PixelsSettings())(images)[0]
    assert first.shape == (1, 3, -(-height // 2), -(-width // 2))
    assert torch.allclose(first[0, :, 0, 0], images[0, :, :2, :2].mean(dim=(1, 2)), atol=1e-6)


def test_digest_is_stable_and_tells_weights_apart(lite0: Perception) -> None:
    again = build_perception(EfficientNetLite0Settings())
    assert weights_digest(again) == weights_digest(lite0)
    weight = next(again.trunk.parameters())
    with torch.no_grad():
        first = (0,) * weight.ndim
        weight[first] = torch.nextafter(weight[first], torch.tensor(9.0))
    assert weights_digest(again) != weights_digest(lite0)
    assert weights_digest(build_perception(PixelsSettings())) != weights_digest(lite0)


def test_digest_of_the_installed_weights_is_known(lite0: Perception) -> None:
    """A new release of the weights package would silently change every metric."""
    assert weights_digest(lite0).startswith("53b18a3a951e2bfb")


@pytest.mark.parametrize(
    ("images", "reason"),
    [(torch.rand(1, 2, 64, 64), "channels"), (torch.rand(1, 1, 64, 15), "too small")],
)
def test_unusable_images_are_refused(
    members: dict[str, tuple[Perception, int]], images: Tensor, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        members["vgg16"][0](images)


def test_file_with_more_than_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state": {}}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="more than tensors"):
        build_perception(Vgg16Settings(weights=tmp_path / "weights.pth"))


@pytest.mark.parametrize("content", [b"", b"not weights"])
def test_damaged_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        build_perception(EfficientNetLite0Settings(weights=path))


def test_weights_that_hold_code_are_refused_unrun(tmp_path: Path) -> None:
    path, witness = tmp_path / "weights.pth", tmp_path / "witness"

    class Code:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (witness,))

    torch.save({"weight": Code()}, path)
    with pytest.raises(InputError, match="cannot be read"):
        build_perception(EfficientNetLite0Settings(weights=path))
    assert not witness.exists()


def test_missing_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not exist"):
        build_perception(Vgg16Settings(weights=tmp_path / "none.pth"))
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="do not fit VGG-16"):
        build_perception(Vgg16Settings(weights=tmp_path / "other.pth"))


def test_failed_download_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache and a proxy that nobody serves: a plant without internet."""
    monkeypatch.setattr("torch.hub._get_torch_home", lambda: str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"perception\.weights") as caught:
        build_perception(Vgg16Settings())
    assert "efficientnet_lite0" in caught.value.remedy


def test_settings_refuse_unknown_kinds_and_keys() -> None:
    adapter: TypeAdapter[PerceptionSettings] = TypeAdapter(PerceptionSettings)
    assert adapter.validate_python({"kind": "pixels"}) == PixelsSettings()
    for wrong in ({"kind": "resnet"}, {"kind": "pixels", "weights": "x"}, {}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
