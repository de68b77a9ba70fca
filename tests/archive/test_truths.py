from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.archive.settings import ElpvSource, FolderSource, ManifestSource, MvtecSource
from tasks.archive.truths import Truth, board_mask, open_truths, truth_place
from tasks.synthesis.archive import plan_archive, write_board, write_records
from tasks.synthesis.design import design_board
from tasks.synthesis.settings import ArchiveSettings, BoardDesignSettings, PerturbationSettings
from tasks.vocabulary.arrays import BoolArray, Float64Array
from tasks.vocabulary.errors import InputError

SIZE_HW = (40, 60)


def mask_file(root: Path, mask: BoolArray, name: str = "000_mask.png") -> Path:
    place = root / "bottle" / "ground_truth" / "crack" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(place)
    return place


def two_spots() -> BoolArray:
    mask = np.zeros(SIZE_HW, np.bool_)
    mask[3:6, 4:9] = mask[6, 9] = True
    mask[20:25, 30:40] = True
    return mask


def written(folder: Path, content: Any) -> str:
    place = folder / "truth.json"
    place.write_text(json.dumps(content), encoding="utf-8")
    return str(place)


def coco(**changed: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "images": [
            {"id": 7, "file_name": "a/x.png", "height": 40, "width": 60},
            {"id": 8, "file_name": "y.png", "height": 40, "width": 60},
        ],
        "categories": [{"id": 1, "name": "scratch"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [10, 20, 5, 8], "segmentation": []},
            {"image_id": 7, "category_id": 9, "bbox": [0.5, 0.5, 2, 2], "segmentation": {}},
        ],
    }
    return document | changed


NAMES = ["a/x.png", "b/y.png", "c/z.png"]


def resized(factor: float) -> Float64Array:
    shift = (factor - 1) / 2
    return np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1]])


class TestMasks:
    def test_every_connected_component_is_a_defect(self, tmp_path: Path) -> None:
        mask_file(tmp_path, two_spots())
        truths = open_truths(str(tmp_path), [])
        found = truths.of("bottle/test/crack/000.png", SIZE_HW)
        assert found is not None
        assert [(one.kind, one.box) for one in found] == [
            ("crack", (3.0, 4.0, 7.0, 10.0)),
            ("crack", (20.0, 30.0, 25.0, 40.0)),
        ]
        together = np.any([board_mask(one, np.eye(3), *SIZE_HW) for one in found], axis=0)
        np.testing.assert_array_equal(together, two_spots())

    def test_the_root_may_be_the_product_or_the_ground_truth(self, tmp_path: Path) -> None:
        mask_file(tmp_path, two_spots(), "000.png")
        for root in (tmp_path / "bottle", tmp_path / "bottle" / "ground_truth"):
            found = open_truths(f"{root}/", []).of("test/crack/000.png", SIZE_HW)
            assert found is not None
            assert len(found) == 2

    def test_good_is_good_and_the_unknown_unknown(self, tmp_path: Path) -> None:
        truths = open_truths(str(tmp_path), [])
        assert truths.of("bottle/test/good/000.png", SIZE_HW) == ()
        assert truths.of("bottle/test/crack/001.png", SIZE_HW) is None
        assert truths.of("bottle/train/good/001.png", SIZE_HW) is None

    def test_a_mask_of_another_photograph_is_refused(self, tmp_path: Path) -> None:
        mask_file(tmp_path, two_spots())
        with pytest.raises(InputError, match=r"60 x 40 px, its photograph 61 x 40 px"):
            open_truths(str(tmp_path), []).of("bottle/test/crack/000.png", (40, 61))

    def test_an_empty_or_torn_mask_is_refused(self, tmp_path: Path) -> None:
        place = mask_file(tmp_path, np.zeros(SIZE_HW, np.bool_))
        truths = open_truths(str(tmp_path), [])
        with pytest.raises(InputError, match="is empty"):
            truths.of("bottle/test/crack/000.png", SIZE_HW)
        place.write_bytes(place.read_bytes()[:60])
        with pytest.raises(InputError, match=r"cannot be used\..*grey PNG"):
            truths.of("bottle/test/crack/000.png", SIZE_HW)
        place.unlink()
        place.mkdir()
        with pytest.raises(InputError, match="cannot be read"):
            truths.of("bottle/test/crack/000.png", SIZE_HW)


class TestSynthetic:
    def test_what_synthesize_wrote_is_read(self, tmp_path: Path) -> None:
        design = design_board(BoardDesignSettings(height_px=96, width_px=96))
        settings = ArchiveSettings(normal=1, abnormal=2)
        still = PerturbationSettings()
        boards = plan_archive(design, settings)
        told = [write_board(tmp_path, design, one, settings, still) for one in boards]
        write_records(tmp_path, design, told, settings, still)
        names = [one.path for one in boards]
        place = truth_place(ManifestSource(path=str(tmp_path / "manifest.csv")))
        truths = open_truths(place, names)
        for one in told:
            found = truths.of(one.board.path, (96, 96))
            assert found is not None
            assert [(each.kind, each.box) for each in found] == [
                (defect.kind, defect.box_photograph) for defect in one.defects
            ]
        with pytest.raises(InputError, match="96 x 96 px"):
            truths.of(names[0], (96, 128))
        assert truths.of("elsewhere.png", (96, 96)) is None

    def test_of_another_archive_it_is_refused(self, tmp_path: Path) -> None:
        content = {"design": {"height_px": 9, "width_px": 9}, "images": {"a": {"defects": []}}}
        with pytest.raises(InputError, match="knows none of the 1 photographs"):
            open_truths(written(tmp_path, content), ["b"])


class TestCoco:
    def test_boxes_by_file_name(self, tmp_path: Path) -> None:
        truths = open_truths(written(tmp_path, coco()), NAMES)
        found = truths.of("a/x.png", SIZE_HW)
        assert found is not None
        assert [(one.kind, one.box) for one in found] == [
            ("scratch", (20.0, 10.0, 28.0, 15.0)),
            (None, (0.5, 0.5, 2.5, 2.5)),
        ]
        # Known by its last part alone; nothing is annotated on it.
        assert truths.of("b/y.png", SIZE_HW) == ()
        assert truths.of("c/z.png", SIZE_HW) is None

    def test_polygons_count_pixels_by_their_centres(self, tmp_path: Path) -> None:
        triangle = [[10, 10, 20, 10, 10, 20]]
        one = {"image_id": 7, "category_id": 1, "bbox": [10, 10, 10, 10], "segmentation": triangle}
        found = open_truths(written(tmp_path, coco(annotations=[one])), NAMES).of(
            "a/x.png", SIZE_HW
        )
        assert found is not None
        mask = board_mask(found[0], np.eye(3), *SIZE_HW)
        y, x = np.indices(SIZE_HW) + 0.5
        well_inside = (x > 10) & (y > 10) & (x + y < 29.9)
        assert mask[well_inside].all()
        assert not mask[(x < 10) | (y < 10) | (x + y > 30.1)].any()

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"annotations": 3}, "annotations"),
            ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3]}]}, "bbox"),
            ({"annotations": [{"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]}]}, "image 5"),
            (
                {"annotations": [{"image_id": 7, "category_id": 1, "bbox": [50, 2, 30, 4]}]},
                "sticks",
            ),
            ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": [50, 2, 0, 4]}]}, "empty"),
            (
                {
                    "annotations": [
                        {
                            "image_id": 7,
                            "category_id": 1,
                            "bbox": [1, 2, 3, 4],
                            "segmentation": [[1, 2, 3, 4]],
                        }
                    ]
                },
                "polygon of 4",
            ),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, tmp_path: Path, changed: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(InputError, match=words):
            open_truths(written(tmp_path, coco(**changed)), NAMES)

    def test_a_name_that_could_be_two_files_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"could be b/y\.png, d/y\.png"):
            open_truths(written(tmp_path, coco()), [*NAMES, "d/y.png"])
        twice = [dict(image, file_name="a/x.png") for image in coco()["images"]]
        with pytest.raises(InputError, match="twice"):
            open_truths(written(tmp_path, coco(images=twice)), NAMES)


def test_files_that_are_no_truth(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        open_truths(str(tmp_path / "none.json"), NAMES)
    (tmp_path / "torn.json").write_text('{"images": [', encoding="utf-8")
    with pytest.raises(InputError, match="not JSON"):
        open_truths(str(tmp_path / "torn.json"), NAMES)
    with pytest.raises(InputError, match="neither"):
        open_truths(written(tmp_path, [1, 2]), NAMES)


def test_where_the_truth_lies_if_nobody_says() -> None:
    assert (
        truth_place(MvtecSource(path="s3://in/mvtec/", category="bottle")) == "s3://in/mvtec/bottle"
    )
    assert truth_place(MvtecSource(path="mvtec")) == "mvtec"
    assert truth_place(ManifestSource(path="boards/manifest.csv")) == "boards/truth.json"
    for source in (ElpvSource(), FolderSource(path="x")):
        with pytest.raises(InputError, match="--truth"):
            truth_place(source)


class TestBoardMask:
    def test_half_the_size_keeps_what_lies_on_the_grid(self) -> None:
        mask = board_mask(Truth(None, (4.0, 8.0, 10.0, 12.0)), resized(0.5), 20, 30)
        expected = np.zeros((20, 30), np.bool_)
        expected[2:5, 4:6] = True
        np.testing.assert_array_equal(mask, expected)

    def test_twice_the_size_leaves_no_holes(self) -> None:
        drawn = Truth(None, (1.0, 1.0, 3.0, 3.0), np.array([[True, True], [True, False]]))
        mask = board_mask(drawn, resized(2.0), 8, 8)
        expected = np.zeros((8, 8), np.bool_)
        expected[2:6, 2:6] = True
        expected[4:6, 4:6] = False
        np.testing.assert_array_equal(mask, expected)

    @pytest.mark.parametrize("place", [3.0, 3.3, 3.6, 17.5])
    def test_no_defect_vanishes_however_small_the_board(self, place: float) -> None:
        speck = Truth(None, (place, place, place + 0.2, place + 0.2))
        pixel = Truth(None, (9.0, 5.0, 10.0, 6.0), np.ones((1, 1), np.bool_))
        for one in (speck, pixel):
            assert board_mask(one, resized(0.1), 4, 6).sum() == 1

    def test_a_turned_box_has_the_area_of_its_outline(self) -> None:
        angle = np.radians(30)
        pose_33 = np.array(
            [[np.cos(angle), -np.sin(angle), 30], [np.sin(angle), np.cos(angle), 3], [0, 0, 1]]
        )
        mask = board_mask(Truth(None, (10.0, 10.0, 30.0, 40.0)), pose_33, 80, 80)
        # Half a px around at most, for the px of the photograph that only touch.
        assert 600 <= mask.sum() <= 600 + 0.5 * 100

    def test_what_lies_beyond_the_board_has_no_pixel(self) -> None:
        assert not board_mask(Truth(None, (50.0, 50.0, 60.0, 60.0)), np.eye(3), 40, 40).any()

    def test_a_pose_without_a_place_is_refused(self) -> None:
        pose_33 = np.eye(3)
        pose_33[2] = [0, 0, 0]
        with pytest.raises(InputError, match="no place"):
            board_mask(Truth(None, (1.0, 1.0, 2.0, 2.0)), pose_33, 40, 40)
