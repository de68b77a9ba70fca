from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.archive.photograph import ChangingFileError
from tasks.archive.reading import read_photograph
from tasks.archive.settings import FolderSource
from tasks.archive.sources import photographs
from tasks.vocabulary.errors import InputError


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(root: Path) -> list[str]:
    return [found.name for found in photographs(FolderSource(path=root))]


def test_everything_that_looks_like_a_photograph_is_listed_once(tmp_path: Path) -> None:
    normal = tmp_path / "normal"
    write(normal / "a.png")
    write(normal / "line\nbreak.png")
    write(normal / "📷 board.png")
    write(normal / os.fsdecode(b"caf\xe9.png"))
    write(normal / "empty.png", b"")
    write(normal / "notes.txt")
    (normal / "dangling.png").symlink_to("nowhere.png")
    (normal / "circle.png").symlink_to("circle.png")
    (normal / "twin.png").symlink_to("a.png")
    os.mkfifo(normal / "pipe.png")
    (normal / "folder.png").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (normal / "loop").symlink_to("..")
    assert names(tmp_path) == [
        f"normal/{name}.png"
        for name in (
            "a",
            "caf\\xe9",
            "circle",
            "dangling",
            "empty",
            "line\nbreak",
            "pipe",
            "twin",
            "📷 board",
        )
    ]


def test_what_cannot_be_read_says_why_and_never_waits(tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"caf\xe9.png"), b"y")
    (tmp_path / "dangling.png").symlink_to("nowhere.png")
    (tmp_path / "circle.png").symlink_to("circle.png")
    os.mkfifo(tmp_path / "pipe.png")
    read: dict[str, bytes | str] = {}
    for found in photographs(FolderSource(path=tmp_path)):
        try:
            read[found.name] = read_photograph(found)
        except OSError as error:
            read[found.name] = error.strerror or ""
    assert read == {
        "caf\\xe9.png": b"y",
        "circle.png": "Too many levels of symbolic links",
        "dangling.png": "No such file or directory",
        "pipe.png": "It is a pipe, a socket or a device",
    }


def test_a_file_that_became_a_folder_or_went_is_an_error_of_the_system(tmp_path: Path) -> None:
    write(tmp_path / "normal" / "a.png")
    (found,) = photographs(FolderSource(path=tmp_path))
    (tmp_path / "normal" / "a.png").unlink()
    with pytest.raises(FileNotFoundError):
        read_photograph(found)
    (tmp_path / "normal" / "a.png").mkdir()
    with pytest.raises(IsADirectoryError):
        read_photograph(found)


def test_a_file_that_changes_is_not_read_as_what_was_listed(tmp_path: Path) -> None:
    place = write(tmp_path / "normal" / "a.png", b"half")
    (found,) = photographs(FolderSource(path=tmp_path))
    write(place, b"half and half")
    with pytest.raises(ChangingFileError, match="changed since it was listed"):
        read_photograph(found)
    # Written anew at the same size.
    (found,) = photographs(FolderSource(path=tmp_path))
    write(place, b"half AND half")
    os.utime(place, ns=(0, 1))
    with pytest.raises(ChangingFileError):
        read_photograph(found)
    (found,) = photographs(FolderSource(path=tmp_path))
    assert read_photograph(found) == b"half AND half"


def test_what_no_camera_makes_is_not_read_into_the_memory(tmp_path: Path) -> None:
    os.truncate(write(tmp_path / "disk.png"), 1 << 40)
    (found,) = photographs(FolderSource(path=tmp_path))
    with pytest.raises(OSError, match=r"1,099\.5 GB are more than any photograph"):
        read_photograph(found)


def _no_entry_to(
    monkeypatch: pytest.MonkeyPatch, closed: Path, error: type[OSError] = PermissionError
) -> None:
    scandir = os.scandir

    def guarded(place: Any) -> Iterator[os.DirEntry[str]]:
        if str(place) == str(closed):
            raise error(13, "Permission denied", str(place))
        return scandir(place)

    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr(os, "scandir", guarded)


def test_a_closed_folder_is_listed_itself_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "normal" / "a.png")
    write(tmp_path / "lost" / "b.png")
    _no_entry_to(monkeypatch, tmp_path / "lost")
    closed, _ = photographs(FolderSource(path=tmp_path))
    assert (closed.name, closed.label, closed.stamp) == ("lost/", None, "")
    with pytest.raises(OSError, match="folder that could not be listed"):
        read_photograph(closed)


def test_a_closed_archive_is_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.png")
    _no_entry_to(monkeypatch, tmp_path)
    with pytest.raises(InputError, match="Permission denied"):
        photographs(FolderSource(path=tmp_path))


def test_links_to_folders_are_followed_where_they_add_something(tmp_path: Path) -> None:
    outside, archive = tmp_path / "outside", tmp_path / "archive"
    write(outside / "b.png")
    write(archive / "2026-11-20" / "normal" / "a.png")
    write(archive / "raw" / "c.png")
    (archive / "latest").symlink_to(archive / "2026-11-20")
    (archive / "abnormal").symlink_to(outside)
    (archive / "undecided").mkdir()
    (archive / "undecided" / "lot").symlink_to(archive / "raw")
    found = [(each.name, each.label) for each in photographs(FolderSource(path=archive))]
    assert found == [
        ("2026-11-20/normal/a.png", "normal"),
        ("abnormal/b.png", "abnormal"),
        ("raw/c.png", None),
        # The link says what it is.
        ("undecided/lot/c.png", "undecided"),
    ]


def test_a_link_that_contradicts_comes_to_light(tmp_path: Path) -> None:
    write(tmp_path / "abnormal" / "a.png")
    (tmp_path / "normal").symlink_to("abnormal")
    found = photographs(FolderSource(path=tmp_path))
    assert {(each.name, each.label) for each in found} == {
        ("abnormal/a.png", "abnormal"),
        ("normal/a.png", "normal"),
    }


def test_folders_linked_to_each_other_do_not_multiply(tmp_path: Path) -> None:
    folders = [tmp_path / f"lot-{number}" for number in range(12)]
    for folder in folders:
        write(folder / "a.png")
        for other in folders:
            (folder / other.name).symlink_to(other)
    assert len(names(tmp_path)) == 12


def test_the_stamp_tells_that_a_file_changed(tmp_path: Path) -> None:
    place = write(tmp_path / "normal" / "a.png", b"one")
    source = FolderSource(path=tmp_path)
    (before,) = photographs(source)
    assert photographs(source) == [before]
    place.write_bytes(b"three")
    (longer,) = photographs(source)
    os.utime(place, ns=(0, 1))
    (touched,) = photographs(source)
    assert len({before.stamp, longer.stamp, touched.stamp}) == 3
    # A renamed file keeps its stamp; only its content says who it is.
    place.rename(place.with_name("b.png"))
    assert photographs(source)[0].stamp == touched.stamp
