"""The exact road: against one patch at a time, and whatever is asked beside or before."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tasks.candidates.boxes import distinct_boxes, worst_pixels, zoom_out_and_shift
from tasks.candidates.exact import PatchDistances
from tasks.candidates.gaussians import frechet_distances
from tasks.candidates.settings import ExactRoad
from tasks.perception.backbone import Perception, build_perception
from tasks.perception.settings import EfficientNetLite0Settings
from tasks.perception.trunk import Trunk
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

SIDE = 40
ROAD = ExactRoad(patch_px=24, batch_patches=16)


class TwoLayers:
    """A small convolutional backbone that keeps the batches it was given; 3 x 3 last positions."""

    def __init__(self, channels: int = 3) -> None:
        generator = torch.Generator().manual_seed(0)
        self.first = torch.randn(8, channels, 4, 4, generator=generator)
        self.last = torch.randn(20, 8, 2, 2, generator=generator)
        self.given: list[Tensor] = []

    def __call__(self, images_NCHW: Tensor) -> tuple[Tensor, ...]:
        self.given.append(images_NCHW)
        shallow = functional.relu(functional.conv2d(images_NCHW, self.first, stride=4))
        return shallow, functional.relu(functional.conv2d(shallow, self.last, stride=2))


def image_pair(seed: int = 0, channels: int = 3, side: int = SIDE) -> tuple[Tensor, Tensor]:
    """A board image and its reconstruction, which differ everywhere and most in one spot."""
    generator = torch.Generator().manual_seed(seed)
    image_CHW, noise_CHW = torch.rand(2, channels, side, side, generator=generator)
    reconstruction_CHW = (0.9 * image_CHW + 0.1 * noise_CHW).clamp(0, 1)
    image_CHW[:, 10:18, 20:27] = 1.0
    return image_CHW, reconstruction_CHW


def laid_boxes(image_CHW: Tensor, reconstruction_CHW: Tensor, pixels: int) -> Int64Array:
    difference_HW = (image_CHW - reconstruction_CHW).abs().mean(dim=0).numpy()
    height, width = difference_HW.shape
    return zoom_out_and_shift(worst_pixels(difference_HW, pixels), 4, 4, height, width)


def one_at_a_time(
    pair: tuple[Tensor, Tensor], boxes_K4: Int64Array, perceive: TwoLayers
) -> Float64Array:
    """The definition: cut, enlarge (OpenCV's bilinear), one pass a patch, fit, compare."""
    found = []
    for top, left, bottom, right in boxes_K4.tolist():
        sets = []
        for image_CHW in pair:
            cut_ssC = image_CHW[:, top:bottom, left:right].permute(1, 2, 0).numpy()
            large_ppC = cv2.resize(cut_ssC, (24, 24), interpolation=cv2.INTER_LINEAR)
            last_Chw = perceive(torch.from_numpy(large_ppC).permute(2, 0, 1)[None])[-1][0]
            sets.append(last_Chw.flatten(1).T[None].numpy())
        found.append(frechet_distances(*sets)[0])
    return np.array(found)


def test_batches_equal_one_patch_at_a_time() -> None:
    pair = image_pair()
    boxes_K4 = laid_boxes(*pair, pixels=3)
    found = PatchDistances(*pair, TwoLayers(), ROAD).distances(boxes_K4)
    expected = one_at_a_time(pair, boxes_K4, TwoLayers())
    assert expected.min() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_measuring_the_distinct_boxes_gives_the_bits_of_measuring_each_box_that_is_laid() -> None:
    pair = image_pair()
    boxes_K4 = laid_boxes(*pair, pixels=5)
    distinct_U4, _ = distinct_boxes(boxes_K4)
    assert len(distinct_U4) < len(boxes_K4)
    found = PatchDistances(*pair, TwoLayers(), ROAD).distances(boxes_K4)
    each = [PatchDistances(*pair, TwoLayers(), ROAD).distances(box[None]) for box in boxes_K4]
    assert np.array_equal(found, np.concatenate(each))


@pytest.mark.slow
def test_a_real_backbone_gives_the_same_bits_whatever_passes_beside_a_patch() -> None:
    perception = build_perception(EfficientNetLite0Settings())
    pair, road = image_pair(side=128), ExactRoad(patch_px=64, batch_patches=16)
    boxes_K4 = np.random.default_rng(0).permutation(laid_boxes(*pair, pixels=8))
    found = PatchDistances(*pair, perception, road).distances(boxes_K4)
    # Every laid box anew, in chance company; some of the chunks leave places free.
    chunks = np.array_split(boxes_K4, len(boxes_K4) // 7)
    each = [PatchDistances(*pair, perception, road).distances(chunk) for chunk in chunks]
    assert np.array_equal(found, np.concatenate(each))
    same = PatchDistances(pair[0], pair[0].clone(), perception, road)
    assert not same.distances(boxes_K4[:20]).any()


def test_a_second_question_costs_only_the_boxes_that_are_new() -> None:
    pair, backbone = image_pair(), TwoLayers()
    distinct_U4, _ = distinct_boxes(laid_boxes(*pair, pixels=5))
    asked = PatchDistances(*pair, backbone, ROAD)
    first = asked.distances(distinct_U4[:40])
    assert len(backbone.given) == 5
    again = asked.distances(distinct_U4[30:41])
    assert len(backbone.given) == 6
    assert np.array_equal(again[:10], first[30:])
    assert np.array_equal(asked.distances(distinct_U4[[40, 3, 3]]), [again[-1], first[3], first[3]])
    assert len(backbone.given) == 6


@pytest.mark.parametrize("batch_patches", [1, 2, 7, 64])
def test_every_batch_has_one_shape_and_holds_whole_pairs(batch_patches: int) -> None:
    pair, backbone = image_pair(), TwoLayers()
    boxes_K4 = laid_boxes(*pair, pixels=1)
    road = ExactRoad(patch_px=24, batch_patches=batch_patches)
    found = PatchDistances(*pair, backbone, road).distances(boxes_K4)
    expected = (max(batch_patches - batch_patches % 2, 2), 3, 24, 24)
    assert {tuple(given.shape) for given in backbone.given} == {expected}
    assert all(given.is_contiguous(memory_format=torch.channels_last) for given in backbone.given)
    np.testing.assert_allclose(found, one_at_a_time(pair, boxes_K4, TwoLayers()), rtol=1e-4)


def test_equal_images_are_exactly_0_apart_in_every_box() -> None:
    image_CHW, reconstruction_CHW = image_pair()
    boxes_K4 = laid_boxes(image_CHW, reconstruction_CHW, pixels=3)
    same = PatchDistances(image_CHW, image_CHW.clone(), TwoLayers(), ROAD)
    assert not same.distances(boxes_K4).any()


def test_where_the_last_layer_has_one_position_its_vectors_are_compared() -> None:
    pair = image_pair(channels=1)
    box = np.array([[8, 18, 20, 30]])

    def averages(images_NCHW: Tensor) -> tuple[Tensor, ...]:
        return (functional.avg_pool2d(images_NCHW, 24),)

    found = PatchDistances(*pair, averages, ROAD).distances(box)
    seen, made = (
        cv2.resize(image[0, 8:20, 18:30].numpy(), (24, 24), interpolation=cv2.INTER_LINEAR)
        for image in pair
    )
    np.testing.assert_allclose(found, [(seen.mean() - made.mean()) ** 2], rtol=1e-4)


def test_no_boxes_have_no_distances() -> None:
    none = np.empty((0, 4), dtype=np.int64)
    assert PatchDistances(*image_pair(), TwoLayers(), ROAD).distances(none).shape == (0,)


@pytest.mark.parametrize(
    "box", [[-1, 0, 3, 4], [0, SIDE - 3, 4, SIDE + 1], [8, 8, 8, 12], [9, 4, 5, 8]]
)
def test_a_box_outside_the_image_or_without_pixels_is_refused(box: list[int]) -> None:
    asked = PatchDistances(*image_pair(), TwoLayers(), ROAD)
    with pytest.raises(InputError, match="outside an image of 40 x 40"):
        asked.distances(np.array([[0, 0, 4, 4], box]))


def test_images_that_are_no_pair_are_refused() -> None:
    image_CHW, reconstruction_CHW = image_pair()
    for other in (reconstruction_CHW[:, :20], reconstruction_CHW[None]):
        with pytest.raises(InputError, match="its own reconstruction"):
            PatchDistances(image_CHW, other, TwoLayers(), ROAD)
    with pytest.raises(InputError, match="its own reconstruction"):
        PatchDistances(image_CHW[0], reconstruction_CHW[0], TwoLayers(), ROAD)


def test_features_that_are_not_finite_have_no_answer_and_are_not_remembered() -> None:
    image_CHW, reconstruction_CHW = image_pair()
    image_CHW[0, 12, 12] = torch.nan
    asked = PatchDistances(image_CHW, reconstruction_CHW, TwoLayers(), ROAD)
    for _ in range(2):
        with pytest.raises(NoAnswerError, match="not finite"):
            asked.distances(np.array([[10, 10, 14, 14]]))
    assert asked.distances(np.array([[20, 20, 24, 24]])) > 0


class Deep(Trunk):
    """A trunk that sees no image under 32 px."""

    strides = (32,)
    smallest_px = 32

    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        return (functional.avg_pool2d(images_N3HW, 32),)


def test_patches_too_small_for_the_backbone_are_its_input_error() -> None:
    asked = PatchDistances(*image_pair(), Perception(Deep()), ROAD)
    with pytest.raises(InputError, match="at least 32 px"):
        asked.distances(np.array([[0, 0, 4, 4]]))
