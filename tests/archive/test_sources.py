from __future__ import annotations

import csv
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from tasks.archive.settings import ElpvSource, FolderSource
from tasks.archive.sources import Photograph, photographs
from tasks.vocabulary.errors import InputError

MONO = {"normal": 588, "abnormal": 313, "undecided": 173}


def elpv_folder() -> Path:
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        pytest.skip("elpv-dataset is an optional dependency")
    return Path(spec.origin).parent / "data"


def labels_of(found: list[Photograph]) -> Counter[str | None]:
    return Counter(photograph.label for photograph in found)


def test_monocrystalline_cells_have_the_published_counts() -> None:
    elpv_folder()
    found = photographs(ElpvSource(cell_type="mono"))
    assert labels_of(found) == MONO
    assert all(photograph.path.is_file() for photograph in found)


def test_all_cells_are_mono_or_poly() -> None:
    elpv_folder()
    mono, poly = (photographs(ElpvSource(cell_type=kind)) for kind in ("mono", "poly"))
    assert len(mono) + len(poly) == 2624
    assert not {one.name for one in mono} & {one.name for one in poly}


def test_the_same_cells_in_folders_have_the_same_counts(tmp_path: Path) -> None:
    data = elpv_folder()
    places = {"0.0": "normal", "1.0": "abnormal"}
    with (data / "labels.csv").open(newline="") as lines:
        for row in csv.reader(lines, delimiter=" ", skipinitialspace=True):
            name, probability, kind = (cell for cell in row if cell)
            if kind == "mono":
                target = tmp_path / places.get(probability, "undecided") / Path(name).name
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(data / name)
    assert labels_of(photographs(FolderSource(path=tmp_path))) == MONO


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_folders_give_labels_and_every_other_place_gives_none(tmp_path: Path) -> None:
    for name in ("ok/b.png", "ok/a.PNG", "scratch/c.jpg", "dent/d.tif", "e.bmp", "ok/deep/f.png"):
        touch(tmp_path / name)
    touch(tmp_path / "ok/notes.txt")
    (tmp_path / "ok" / "folder.png").mkdir()
    source = FolderSource(
        path=tmp_path, normal=("ok",), abnormal=("scratch", "dent"), undecided=("look",)
    )
    assert [(found.name, found.label) for found in photographs(source)] == [
        ("dent/d.tif", "abnormal"),
        ("e.bmp", None),
        ("ok/a.PNG", "normal"),
        ("ok/b.png", "normal"),
        ("ok/deep/f.png", None),
        ("scratch/c.jpg", "abnormal"),
    ]


def test_folders_may_be_nested(tmp_path: Path) -> None:
    touch(tmp_path / "line-1" / "good" / "a.png")
    source = FolderSource(path=tmp_path, normal=("line-1/good",))
    assert labels_of(photographs(source)) == {"normal": 1}


def test_no_directory_and_no_image_are_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a directory"):
        photographs(FolderSource(path=tmp_path / "absent"))
    touch(tmp_path / "normal" / "notes.txt")
    with pytest.raises(InputError, match="holds no image") as raised:
        photographs(FolderSource(path=tmp_path))
    assert "normal" in raised.value.remedy
    shutil.rmtree(tmp_path / "normal")
    with pytest.raises(InputError, match="holds no image"):
        photographs(FolderSource(path=tmp_path))
