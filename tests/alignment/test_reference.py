from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.alignment.aligners import register
from tasks.alignment.frame import Reference
from tasks.alignment.reference import build_reference, load_reference, reference_files
from tasks.alignment.resampling import resize_by_area
from tasks.alignment.settings import EccAlignment, FiducialAlignment, Mark
from tasks.vocabulary.errors import InputError
from tests.alignment.boards import MARKS, SIDE_PX, Shot, photograph

FIDUCIALS = FiducialAlignment(side_px=192, marks=MARKS, search_px=40)
ECC = EccAlignment(side_px=192)
OTHERS = [
    Shot(shift_px=(shift, -shift), rotation_deg=shift / 4, serial=number + 1, noise_levels=4)
    for number, shift in enumerate((-4.0, -1.5, 2.5, 5.0))
]


def write(reference: Reference, folder: Path) -> None:
    for name, content in reference_files(reference).items():
        (folder / name).write_bytes(content)


def test_a_golden_board_is_the_reference_as_it_is() -> None:
    reference = build_reference([photograph(Shot())], ECC)
    np.testing.assert_array_equal(reference.board_HWC, resize_by_area(photograph(Shot()), 192))
    assert reference.size_hw == (SIDE_PX, SIDE_PX)
    assert reference.templates == ()


@pytest.mark.parametrize("settings", [FIDUCIALS, ECC], ids=["fiducials", "ecc"])
def test_the_median_lies_like_the_first_and_loses_noise_and_serial_numbers(
    settings: FiducialAlignment | EccAlignment,
) -> None:
    first = Shot(noise_levels=4)
    clean_HWC = resize_by_area(photograph(Shot()), 192).astype(int)
    one = build_reference([photograph(first)], settings)
    several = build_reference((photograph(shot) for shot in [first, *OTHERS]), settings)
    # Left of the serial number, which the first shares with the clean one.
    area = (slice(14, -14), slice(14, 80))
    noise = [np.abs(r.board_HWC - clean_HWC)[area].mean() for r in (one, several)]
    assert noise[1] < 0.8 * noise[0]
    registration = register(photograph(Shot()), settings, several)
    expected_33 = several.to_board_33
    np.testing.assert_allclose(registration.pose_33, expected_33, atol=0.1)


def test_a_stranger_among_the_photographs_is_left_out() -> None:
    stranger = photograph(Shot(design=1))
    shots = [photograph(Shot()), *(photograph(shot) for shot in OTHERS[:2])]
    without = build_reference(shots, ECC)
    with_it = build_reference([*shots, stranger], ECC)
    np.testing.assert_array_equal(without.board_HWC, with_it.board_HWC)


def test_a_first_that_nothing_agrees_with_is_refused() -> None:
    shots = [photograph(Shot(design=1)), *(photograph(shot) for shot in OTHERS[:2])]
    with pytest.raises(InputError, match="Only 0 of 2"):
        build_reference(shots, ECC)


def test_no_photograph_too_small_a_one_and_a_plain_one_are_refused() -> None:
    with pytest.raises(InputError, match="no photograph"):
        build_reference([], ECC)
    with pytest.raises(InputError, match="too small"):
        build_reference([photograph(Shot())[:60, :60]], ECC)
    plain = np.random.default_rng(0).normal(90, 1, (SIDE_PX, SIDE_PX, 1)).astype(np.uint8)
    with pytest.raises(InputError, match="shows something in"):
        build_reference([plain], ECC)


@pytest.mark.parametrize(
    ("place", "said"), [((2.0, 90.0), "does not fit"), ((40.0, 40.0), "nothing at mark 2")]
)
def test_a_mark_at_the_rim_or_where_nothing_is_shown_is_refused(
    place: tuple[float, float], said: str
) -> None:
    plain = photograph(Shot()).copy()
    plain[20:60, 20:60] = 90
    marks = (MARKS[3], Mark(x_px=place[0], y_px=place[1], radius_px=5))
    with pytest.raises(InputError, match=said):
        build_reference([plain], FIDUCIALS.model_copy(update={"marks": marks}))


@pytest.mark.parametrize("channels", [1, 3])
def test_files_give_the_same_reference_back(tmp_path: Path, channels: int) -> None:
    reference = build_reference([photograph(Shot(channels=channels))], FIDUCIALS)
    write(reference, tmp_path)
    loaded = load_reference(tmp_path)
    np.testing.assert_array_equal(loaded.working_HW, reference.working_HW)
    np.testing.assert_array_equal(loaded.board_HWC, reference.board_HWC)
    for ours, theirs in zip(loaded.templates, reference.templates, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    shot = photograph(Shot(shift_px=(2, 1), serial=3, channels=channels))
    np.testing.assert_array_equal(
        register(shot, FIDUCIALS, loaded).pose_33, register(shot, FIDUCIALS, reference).pose_33
    )


@pytest.mark.parametrize("name", ["reference.json", "working.png", "board.png", "mark-2.png"])
def test_a_damaged_or_missing_file_is_an_input_error(tmp_path: Path, name: str) -> None:
    write(build_reference([photograph(Shot())], FIDUCIALS), tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="Build the reference again"):
        load_reference(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="Build the reference again"):
        load_reference(tmp_path)
