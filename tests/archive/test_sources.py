from __future__ import annotations

import csv
import pickle
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import fsspec
import pytest
from pydantic import TypeAdapter, ValidationError

from tasks.archive.reading import read_photograph
from tasks.archive.settings import ElpvSource, FolderSource, MvtecSource, SourceSettings
from tasks.archive.sources import Facts, Photograph, photographs
from tasks.vocabulary.errors import InputError

MONO = {"normal": 588, "abnormal": 313, "undecided": 173}


def elpv_folder() -> Path:
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        pytest.skip("elpv-dataset is an optional dependency")
    return Path(spec.origin).parent / "data"


def labels_of(found: list[Photograph]) -> Counter[str | None]:
    return Counter(photograph.label for photograph in found)


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def listed(source: SourceSettings) -> list[tuple[str, str | None]]:
    return [(found.name, found.label) for found in photographs(source)]


def test_monocrystalline_cells_have_the_published_counts() -> None:
    elpv_folder()
    found = photographs(ElpvSource(cell_type="mono"))
    assert labels_of(found) == MONO
    assert all(Path(photograph.location).is_file() for photograph in found)
    assert len({photograph.stamp for photograph in found} - {""}) > 1


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


def test_folders_give_labels_and_every_other_place_gives_none(tmp_path: Path) -> None:
    for name in ("ok/b.png", "ok/a.PNG", "scratch/c.jpg", "dent/d.tif", "e.bmp", "ok/deep/f.png"):
        touch(tmp_path / name)
    touch(tmp_path / "ok/notes.txt")
    (tmp_path / "ok" / "folder.png").mkdir()
    source = FolderSource(
        path=tmp_path, normal=("ok",), abnormal=("scratch", "dent"), undecided=("look",)
    )
    assert listed(source) == [
        ("dent/d.tif", "abnormal"),
        ("e.bmp", None),
        ("ok/a.PNG", "normal"),
        ("ok/b.png", "normal"),
        ("ok/deep/f.png", "normal"),
        ("scratch/c.jpg", "abnormal"),
    ]
    # Several abnormal folders are the families of the defects.
    families = [found.facts.family for found in photographs(source)]
    assert families == ["dent", None, None, None, None, "scratch"]


@pytest.mark.parametrize(
    ("folder", "label", "day"),
    [
        ("2026-11-20/normal", "normal", "2026-11-20"),
        ("normal/2026/11/20", "normal", "2026-11-20"),
        ("line-1/20261120/shift_2/abnormal", "abnormal", "2026-11-20"),
        ("2026/11/20261121/undecided", "undecided", "2026-11-21"),
        ("2026/2026-11/2026_11_20/normal/cut", "normal", "2026-11-20"),
        ("normal/2026-13-45", "normal", None),
        ("normal/120261120", "normal", None),
        ("abnormal/2026-11-20/normal", None, "2026-11-20"),
        ("normal/2026-11-20/normal", "normal", "2026-11-20"),
        ("abnormality/2026-11", None, None),
    ],
)
def test_class_and_date_anywhere_in_the_path(
    tmp_path: Path, folder: str, label: str | None, day: str | None
) -> None:
    touch(tmp_path / folder / "a.png")
    (found,) = photographs(FolderSource(path=tmp_path))
    assert (found.label, found.facts) == (label, Facts(captured_at=day))


def test_time_of_the_file_where_the_line_says_so(tmp_path: Path) -> None:
    touch(tmp_path / "2020-01-01" / "normal" / "a.png")
    source = FolderSource(path=tmp_path, captured_at="modified")
    (found,) = photographs(source)
    written = (tmp_path / "2020-01-01/normal/a.png").stat().st_mtime
    time = found.facts.captured_at
    assert time is not None
    assert time.endswith("+00:00")
    assert not time.startswith("2020")
    assert str(int(written)) in found.stamp


def test_folders_may_be_nested(tmp_path: Path) -> None:
    for name in ("line-1/good/a.png", "good/line-1/b.png", "x/line-1/good/y/c.png"):
        touch(tmp_path / name)
    source = FolderSource(path=tmp_path, normal=("line-1/good",))
    assert labels_of(photographs(source)) == {"normal": 2, None: 1}


def test_no_directory_and_no_image_are_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a directory"):
        photographs(FolderSource(path=tmp_path / "absent"))
    touch(tmp_path / "normal" / "notes.txt")
    with pytest.raises(InputError, match="holds no image") as raised:
        photographs(FolderSource(path=tmp_path))
    assert "normal" in raised.value.remedy
    with pytest.raises(InputError, match="holds no image"):
        photographs(FolderSource(path=f"memory://{tmp_path}"))


def test_a_word_for_two_labels_is_refused() -> None:
    with pytest.raises(ValidationError, match="cut stands for two labels"):
        FolderSource(path="x", normal=("ok", "cut"), abnormal=("cut",))


def test_the_union_is_read_from_a_file_of_settings() -> None:
    union: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)
    settings = {"kind": "folder", "path": "s3://plant/a", "endpoint_url": "http://127.0.0.1:1"}
    read = union.validate_python(settings)
    assert isinstance(read, FolderSource)
    assert read.path == "s3://plant/a"
    with pytest.raises(ValidationError, match="folder"):
        union.validate_python({"kind": "foulder", "path": "x"})


def mvtec(root: Path) -> None:
    for place in ("train/good", "test/good", "test/bent", "test/cut", "ground_truth/bent"):
        touch(root / place / "000.png")


@pytest.mark.parametrize(("below", "category"), [("", None), ("bottle", None), ("", "bottle")])
def test_the_layout_of_mvtec(tmp_path: Path, below: str, category: str | None) -> None:
    mvtec(tmp_path / "bottle")
    touch(tmp_path / "bottle" / "readme" / "logo.png")
    found = photographs(MvtecSource(path=tmp_path / below, category=category))
    assert [(each.name.removeprefix("bottle/"), each.label) for each in found] == [
        ("readme/logo.png", None),
        ("test/bent/000.png", "abnormal"),
        ("test/cut/000.png", "abnormal"),
        ("test/good/000.png", "normal"),
        ("train/good/000.png", "normal"),
    ]
    assert [each.facts.family for each in found] == [None, "bent", "cut", None, None]
    assert {each.facts.product for each in found[1:]} == {"bottle"}


def test_mvtec_without_photographs_is_wrong_input(tmp_path: Path) -> None:
    touch(tmp_path / "ground_truth" / "bent" / "000.png")
    with pytest.raises(InputError, match="holds no image") as raised:
        photographs(MvtecSource(path=tmp_path))
    assert "train and test" in raised.value.remedy


def test_any_file_system_that_fsspec_knows() -> None:
    store = fsspec.filesystem("memory")
    store.pipe({"/plant/2026-11-20/normal/a.png": b"first", "/plant/notes.txt": b"none"})
    source = FolderSource(path="memory://plant")
    (found,) = photographs(source)
    assert (found.location, found.name) == (
        "memory:///plant/2026-11-20/normal/a.png",
        "2026-11-20/normal/a.png",
    )
    assert (found.label, found.facts) == ("normal", Facts(captured_at="2026-11-20"))
    assert read_photograph(found) == b"first"
    store.pipe("/plant/2026-11-20/normal/a.png", b"other")
    assert photographs(source)[0].stamp != found.stamp
    store.rm("/plant", recursive=True)
    with pytest.raises(FileNotFoundError):
        read_photograph(found)


def test_an_unknown_protocol_is_wrong_input() -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        photographs(FolderSource(path="gopher://plant/a"))


def test_photographs_pickle() -> None:
    found = Photograph("/a/b.png", "b.png", "normal", "1-2", Facts(panel="P7"))
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes
