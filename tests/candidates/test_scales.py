from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.candidates.scales import BoxScales, box_scales, read_scales, written_scales
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError


def boxes(sides: list[int]) -> Int64Array:
    return np.array([(1, 2, 1 + side, 2 + side) for side in sides], dtype=np.int64)


def normals(seed: int) -> tuple[list[Float64Array], list[Int64Array]]:
    """Log-normal distances: small boxes differ ten times as much as large ones."""
    generator = np.random.default_rng(seed)
    laid = [boxes([4] * 400 + [8] * 300) for _ in range(5)]
    level = np.repeat([2.0, 0.2], [400, 300])
    return [level * np.exp(generator.normal(0, 0.5, 700)) for _ in laid], laid


def test_on_normals_every_size_is_alike_once_standardised() -> None:
    distances, laid = normals(0)
    scales = box_scales(distances, laid)
    assert scales.sides_px == (4, 8)
    np.testing.assert_allclose(scales.centres, np.log([2.0, 0.2]), atol=0.05)
    np.testing.assert_allclose(scales.spreads, [0.5, 0.5], atol=0.03)
    scores = np.log(scales.standardise(np.concatenate(distances), np.concatenate(laid)))
    sides = np.concatenate(laid)[:, 2] - 1
    for side in (4, 8):
        np.testing.assert_allclose(scores[sides == side].mean(), 0.0, atol=1e-9)
        np.testing.assert_allclose(scores[sides == side].std(), 1.0, rtol=1e-9)


def test_identical_patches_are_the_least_suspect_and_do_not_count_as_normal() -> None:
    distances, laid = normals(1)
    scales = box_scales(distances, laid)
    assert scales.standardise(np.zeros(2), boxes([4, 8])).tolist() == [0.0, 0.0]
    assert box_scales([*distances, np.zeros(2)], [*laid, boxes([4, 8])]) == scales


def test_order_within_one_size_is_that_of_the_distances() -> None:
    scales = BoxScales((4, 8), (0.3, -1.0), (0.5, 2.0))
    distances = np.sort(np.random.default_rng(2).random(50))
    assert (np.diff(scales.standardise(distances, boxes([8] * 50))) > 0).all()


def test_a_size_that_no_normal_showed_is_refused() -> None:
    scales = box_scales(*normals(3))
    for side in (2, 6, 12):
        with pytest.raises(InputError, match=r"same candidates\.sizes"):
            scales.standardise(np.ones(1), boxes([side]))


@pytest.mark.parametrize("distances", [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
def test_normals_that_do_not_differ_have_no_scale(distances: list[float]) -> None:
    with pytest.raises(InputError, match="standardised: false"):
        box_scales([np.array(distances)], [boxes([4] * 3)])


def test_scales_are_read_back_to_the_same_bits(tmp_path: Path) -> None:
    scales = box_scales(*normals(4))
    (tmp_path / "scales.json").write_bytes(written_scales(scales))
    assert read_scales(tmp_path / "scales.json") == scales
