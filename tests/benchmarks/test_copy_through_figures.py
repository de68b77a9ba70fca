"""The figures of the copy-through measure on boards whose answer is known, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.vocabulary.arrays import UInt8Array
from tests.benchmarks.copy_through import rendering
from tests.benchmarks.copy_through.__main__ import sample, write_picture
from tests.benchmarks.copy_through.boards import Boards, defect_mask, read_boards, write_boards
from tests.benchmarks.copy_through.figures import Redrawn, auroc, figures, in_unit
from tests.benchmarks.copy_through.variants import VARIANTS, settings_of

SIDE = 64


def known_boards() -> Boards:
    """Noisy boards; the defect is a square 100 grey levels brighter, in two places."""
    images = np.random.default_rng(0).integers(60, 120, (12, SIDE, SIDE, 3)).astype(np.uint8)
    twins = images[8:]
    defective = twins.copy()
    defective[::2, 10:18, 20:28] += 100
    defective[1::2, 40:44, 30:50] += 100
    mask = defect_mask(defective, twins)
    kinds = ["scratch", "missing_part"] * 2
    settings = {"kind": "vqgan", "downsampling": 8}
    return Boards(images[:4], images[4:6], images[6:8], defective, twins, mask, kinds, settings)


def redrawn(boards: Boards, share: float, error: float = 0.0) -> Redrawn:
    """Reconstructions that copy a share of each defect, and err everywhere by as much."""
    normals, twins = in_unit(boards.normals_NHWC), in_unit(boards.twins_DHWC)
    validation = in_unit(boards.validation_NHWC)
    # Reconstructions of normals that are nowhere better than elsewhere would give no mask.
    validation[:, 0, 0] += 0.5
    added = np.float32(share) * (in_unit(boards.defective_DHWC) - twins)
    return Redrawn(
        *(
            np.asarray(one + error, np.float32)
            for one in (validation, normals, twins, twins + added)
        )
    )


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_copy_through_is_the_share_of_the_defect_that_is_drawn(share: float) -> None:
    boards = known_boards()
    found = figures(boards, redrawn(boards, share))
    assert found["copy_through"] == pytest.approx(share, abs=1e-5)
    assert found["transmitted"] == pytest.approx(share, abs=1e-5)
    assert found["floor"] == 0
    assert found["psnr_normals_db"] == 120
    assert found["by_kind"]["scratch"]["copy_through"] == pytest.approx(share, abs=1e-5)
    assert list(found["by_kind"]) == ["scratch", "missing_part"]


def test_inexactness_raises_copy_through_and_floor_but_not_what_is_transmitted() -> None:
    boards = known_boards()
    found = figures(boards, redrawn(boards, 0.5, error=0.1))
    assert found["transmitted"] == pytest.approx(0.5, abs=1e-4)
    assert found["floor"] == pytest.approx(25.5 / 100, abs=1e-4)
    assert found["copy_through"] == pytest.approx(0.5 + 25.5 / 100, abs=1e-4)
    assert found["psnr_normals_db"] == pytest.approx(20, abs=1e-3)
    assert found["contrast"] == pytest.approx(abs(50 - 25.5) / 25.5, abs=1e-3)


def test_a_defect_that_is_redrawn_as_good_is_found_and_one_copied_is_not() -> None:
    boards = known_boards()
    redrawn_as_good = figures(boards, redrawn(boards, 0.0, error=0.02))
    assert redrawn_as_good["auroc"] == redrawn_as_good["paired"] == 1
    assert redrawn_as_good["weighted"] == 1
    copied = figures(boards, redrawn(boards, 1.0, error=0.02))
    assert copied["contrast"] == pytest.approx(1, abs=1e-3)
    assert redrawn_as_good["contrast"] > 10


def test_auroc_counts_pairs_and_halves_ties() -> None:
    area, low, high = auroc(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0]))
    assert area == pytest.approx((1.5 + 3) / 6)
    assert 0 <= low < area < high <= 1
    assert auroc(np.zeros(3), np.ones(4)) == (1.0, 1.0, 1.0)


def test_the_file_keeps_every_bit(tmp_path: Path) -> None:
    boards = known_boards()
    write_boards(tmp_path / "deep" / "boards.npz", boards)
    read = read_boards(tmp_path / "deep" / "boards.npz")
    for name, value in vars(boards).items():
        assert np.array_equal(getattr(read, name), value), name


@pytest.mark.parametrize("aligned", [True, False])
def test_the_twin_differs_in_the_defect_only(aligned: bool) -> None:
    spoilt, good = rendering.board_and_twin(7, 0, 128, aligned)
    mask: UInt8Array = defect_mask(spoilt, good).astype(np.uint8)
    assert rendering.LEAST_PIXELS <= mask.sum() < 0.05 * mask.size
    assert np.array_equal(good, rendering.normal_board(7, 128, aligned))
    # What resampling spreads around the defect stays below the mask's limit.
    rows, columns = np.nonzero((spoilt != good).any(axis=2))
    reach = np.ptp(np.argwhere(mask), axis=0) + 9
    assert np.ptp(rows) < reach[0]
    assert np.ptp(columns) < reach[1]


def test_the_picture_shows_twin_defect_and_every_variant(tmp_path: Path) -> None:
    boards = known_boards()
    shown = sample(redrawn(boards, 0.0), boards)
    write_picture(tmp_path / "p.png", boards, {"f = 8": shown, "f = 16": shown})
    with Image.open(tmp_path / "p.png") as picture:
        tiles = np.asarray(picture).reshape(2, 196, 4, 196, 3)
    # The defect is in the second column only.
    assert np.array_equal(tiles[:, :, 0], tiles[:, :, 2])
    assert np.array_equal(tiles[:, :, 0], tiles[:, :, 3])
    assert (tiles[:, :, 1].astype(int) - tiles[:, :, 0]).max() == 100


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_every_variant_is_a_valid_setting_and_only_one_is_today_s(variant: str) -> None:
    base = known_boards().settings
    settings = settings_of(variant, base, steps=100, batch_size=4, seed=1, device="cpu")
    today = settings_of("f = 8", base, steps=100, batch_size=4, seed=1, device="cpu")
    assert (settings == today) == (variant == "f = 8")
    assert settings.discriminator_start_step == 80
