from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr

from storage.errors import NotFoundError, StorageError
from storage.objects import Objects


def test_the_first_writer_wins_and_the_second_is_told(objects: Objects) -> None:
    assert objects.put_new("a/b.json", b"first")
    assert not objects.put_new("a/b.json", b"second")
    assert objects.get("a/b.json") == b"first"
    objects.put("a/b.json", b"third")
    assert objects.get("a/b.json") == b"third"


def test_listing_is_sorted_and_shows_files_and_folders(objects: Objects) -> None:
    for path in ("b/2", "b/1", "b/c/3", "a"):
        objects.put(path, b"x")
    assert objects.list() == ["a", "b/1", "b/2", "b/c/3"]
    assert objects.list("b") == ["b/1", "b/2", "b/c/3"]
    assert objects.files("b") == ["b/1", "b/2"]
    assert objects.folders("b") == ["b/c"]
    assert objects.list("none") == objects.files("none") == objects.folders("none") == []


def test_deleting_is_idempotent_and_leaves_no_empty_folder(objects: Objects, root: Path) -> None:
    objects.put("a/b/1", b"x")
    objects.delete(["a/b/1", "a/b/1", "never"])
    assert not objects.exists("a/b/1")
    objects.put("c/d/1", b"x")
    objects.delete_folder("c/d")
    assert not (root / "c" / "d").exists()


def test_what_is_not_there_is_not_found(objects: Objects) -> None:
    objects.put("a/b", b"x")
    for path in ("none", "a"):
        with pytest.raises(NotFoundError):
            objects.get(path)
        assert not objects.exists(path)


def test_a_file_where_a_folder_should_be_is_a_storage_error(objects: Objects) -> None:
    objects.put("a", b"x")
    with pytest.raises(StorageError):
        objects.put("a/b", b"x")


def test_a_root_with_odd_characters_works(tmp_path: Path) -> None:
    root = tmp_path / "Prüfung 100% #1"
    objects = Objects(root)
    objects.put("a/b", b"x")
    assert (root / "a" / "b").read_bytes() == b"x"
    assert objects.list() == ["a/b"]


def test_it_pickles_as_its_root(objects: Objects) -> None:
    objects.put("a", b"x")
    copy = pickle.loads(pickle.dumps(objects))  # noqa: S301 - our own bytes
    assert copy.get("a") == b"x"


def test_leftovers_of_killed_writers_are_hidden_and_swept_when_old(
    objects: Objects, root: Path
) -> None:
    objects.put("models/k/data-1/a", b"x")
    old, young = root / "models/k/data-1/a#1", root / "models/k/data-1/b#2"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    (root / "models" / "empty").mkdir()
    os.utime(root / "models" / "empty", (1000, 1000))
    assert objects.list() == ["models/k/data-1/a"]
    assert objects.sweep_leftovers(2000.0, ["models", "masks"]) == ["models/k/data-1/a#1"]
    assert young.exists()
    assert not (root / "models" / "empty").exists()
    assert objects.get("models/k/data-1/a") == b"x"


def test_an_object_store_takes_the_same_road(tmp_path: Path) -> None:
    objects = Objects("memory:///")
    assert objects.put_new("a/b", b"first")
    assert not objects.put_new("a/b", b"second")
    stored = zarr.create_array(objects.zarr_store("a/z"), shape=(3,), dtype="i4")
    stored[...] = np.arange(3)
    assert objects.folders("a") == ["a/z"]
    objects.fetch_folder("a", tmp_path / "copy")
    assert (tmp_path / "copy" / "b").read_bytes() == b"first"
    with pytest.raises(StorageError):
        objects.local_path("a")
    assert objects.sweep_leftovers(1e12, ["a"]) == []
