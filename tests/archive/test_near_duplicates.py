from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from tasks.archive.near_duplicates import near_duplicate_groups, signature
from tasks.archive.settings import RoleSettings
from tasks.vocabulary.arrays import UInt8Array

SIDE_PX = 320
DEFAULT = RoleSettings().near_duplicates
assert DEFAULT is not None
LEAST = DEFAULT


def product() -> UInt8Array:
    """What all boards of the line have in common: blocks and lines of strong contrast."""
    chance = np.random.default_rng(99)
    image = np.full((SIDE_PX, SIDE_PX), 90, np.uint8)
    for _ in range(60):
        x, y, w, h = (int(each) for each in chance.integers(8, [270, 270, 50, 50]))
        cv2.rectangle(image, (x, y), (x + w, y + h), int(chance.integers(40, 200)), -1)
    return image


PRODUCT = product()


def board(number: int) -> UInt8Array:
    """One board: the product, with the stains and placements that only this one has."""
    chance = np.random.default_rng(number)
    image = PRODUCT.copy()
    for _ in range(40):
        x, y = (int(each) for each in chance.integers(0, SIDE_PX, 2))
        grey = int(np.clip(int(image[y, x]) + chance.integers(-60, 60), 0, 255))
        cv2.circle(image, (x, y), int(chance.integers(3, 14)), grey, -1)
    return np.asarray(image[..., None], dtype=np.uint8)


def photographed_again(image_HWC: UInt8Array, number: int) -> UInt8Array:
    chance = np.random.default_rng(number)
    noisy = image_HWC + chance.normal(0.0, 3.0, image_HWC.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), dtype=np.uint8)


def encoded_again(quality: int) -> Callable[[UInt8Array], UInt8Array]:
    def encode(image_HWC: UInt8Array) -> UInt8Array:
        content = cv2.imencode(".jpg", image_HWC, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        decoded = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
        assert decoded is not None
        return np.asarray(decoded[..., None], dtype=np.uint8)

    return encode


def shifted(x_px: float, y_px: float) -> Callable[[UInt8Array], UInt8Array]:
    pose_23 = np.array([[1.0, 0.0, x_px], [0.0, 1.0, y_px]])

    def shift(image_HWC: UInt8Array) -> UInt8Array:
        size = (SIDE_PX, SIDE_PX)
        moved = cv2.warpAffine(image_HWC, pose_23, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved[..., None], dtype=np.uint8)

    return shift


def brighter(gain: float, offset: float) -> Callable[[UInt8Array], UInt8Array]:
    def change(image_HWC: UInt8Array) -> UInt8Array:
        return np.asarray(np.clip(np.rint(image_HWC * gain + offset), 0, 255), dtype=np.uint8)

    return change


BOARDS = [photographed_again(board(number), number) for number in range(120)]
IDS = [f"i{number:03d}" for number in range(120)]
SIGNATURES = np.stack([signature(image) for image in BOARDS])


@pytest.mark.parametrize(
    "change",
    [
        encoded_again(60),
        encoded_again(95),
        shifted(0.5, -0.5),
        brighter(0.95, 0.0),
        brighter(1.04, 3.0),
        lambda image: photographed_again(image, 1000),
    ],
)
def test_the_same_board_once_more_is_a_twin_and_no_other_board_is(
    change: Callable[[UInt8Array], UInt8Array],
) -> None:
    again = np.stack([signature(change(image)) for image in BOARDS[:12]])
    ids = IDS + [f"z{number}" for number in range(12)]
    groups = near_duplicate_groups(ids, np.concatenate([SIGNATURES, again]), LEAST)
    twins = {
        name: f"near:{IDS[number]}"
        for number in range(12)
        for name in (IDS[number], ids[120 + number])
    }
    assert groups == twins


def test_boards_of_one_product_look_alike_and_are_no_twins() -> None:
    plain = SIGNATURES.astype(float)
    assert np.median(np.corrcoef(plain)) > 0.6
    assert near_duplicate_groups(IDS, SIGNATURES, LEAST) == {}


def test_pose_and_light_that_vary_in_common_make_no_twins() -> None:
    chance = np.random.default_rng(0)
    plain = np.asarray(PRODUCT[..., None], dtype=np.uint8)
    signatures = []
    for number in range(300):
        x_px, y_px = chance.uniform(-3.0, 3.0, 2)
        lit = brighter(float(chance.uniform(0.8, 1.1)), 0.0)(plain)
        signatures.append(signature(photographed_again(shifted(x_px, y_px)(lit), number)))
    ids = [f"i{number}" for number in range(300)]
    assert near_duplicate_groups(ids, np.stack(signatures), LEAST) == {}


def test_a_twin_of_a_twin_is_in_the_group_whatever_the_order() -> None:
    again = [signature(shifted(step, 0.0)(BOARDS[5])) for step in (0.5, 1.0)]
    ids, signatures_NS = [*IDS, "a", "z"], np.stack([*SIGNATURES, *again])
    groups = near_duplicate_groups(ids, signatures_NS, LEAST)
    assert groups == dict.fromkeys(["a", "i005", "z"], "near:a")
    order = np.random.default_rng(0).permutation(len(ids))
    shuffled = near_duplicate_groups([ids[at] for at in order], signatures_NS[order], LEAST)
    assert shuffled == groups


def test_pairs_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    again = np.stack([signature(encoded_again(80)(image)) for image in BOARDS])
    ids = [*IDS, *(f"z{name}" for name in IDS)]
    signatures_NS = np.concatenate([SIGNATURES, again])
    whole = near_duplicate_groups(ids, signatures_NS, LEAST)
    assert whole == {name: f"near:{name.lstrip('z')}" for name in ids}
    monkeypatch.setattr("tasks.archive.near_duplicates._BLOCK", 7)
    assert near_duplicate_groups(ids, signatures_NS, LEAST) == whole


def test_a_signature_is_small_and_sees_neither_gain_nor_offset() -> None:
    smooth = cv2.GaussianBlur(BOARDS[0][..., 0], (0, 0), 3.0)[..., None]
    image = np.asarray(smooth // 2, dtype=np.uint8)
    found = signature(image)
    assert found.shape == (256,)
    assert found.dtype == np.dtype(np.int8)
    assert np.abs(found.astype(int) - signature(image * 2)).max() <= 1
    np.testing.assert_array_equal(found, signature(image + np.uint8(50)))
    np.testing.assert_array_equal(found, signature(image.repeat(3, axis=2)))
    np.testing.assert_array_equal(found, signature(image))


@pytest.mark.parametrize("shape", [(1, 1, 1), (32, 48, 3), (64, 64, 1), (1000, 3, 3)])
def test_boards_of_any_shape_have_a_signature(shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert signature(noise).shape == (256,)


def test_uniform_boards_have_nothing_by_which_twins_could_be_known() -> None:
    flat = [np.full((64, 64, 3), grey, np.uint8) for grey in (0, 17, 255)]
    signatures_NS = np.stack([signature(each) for each in flat])
    assert not signatures_NS.any()
    assert near_duplicate_groups(["a", "b", "c"], signatures_NS, LEAST) == {}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_handful_of_boards_is_no_difficulty(count: int) -> None:
    assert near_duplicate_groups(IDS[:count], SIGNATURES[:count], LEAST) == {}
