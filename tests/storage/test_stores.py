from __future__ import annotations

import fcntl
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from storage.errors import BusyError, InvalidEntryError, StorageError
from storage.images import ImageRow
from storage.stores import Stores

NOW = 2_000_000_000.0
IMAGE = np.full((1, 4, 4, 1), 7, np.uint8)


def age(folder: Path, modified_at: float) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (modified_at, modified_at))


def test_stores_pickle_with_what_they_hold(stores: Stores) -> None:
    stores.images("line", "f").write_segment(IMAGE, [ImageRow("a", "/in/a.png")])
    copy: Stores = pickle.loads(pickle.dumps(stores))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(copy.images("line", "f").read(["a"]), IMAGE)


def test_a_workplace_stays_until_it_is_cleared(stores: Stores) -> None:
    folder = stores.workplace("k")
    (folder / "checkpoint.pt").write_bytes(b"half a training")
    stores.sweep(0.0, NOW + 1e9)
    assert (stores.workplace("k") / "checkpoint.pt").exists()
    stores.clear_workplace("k")
    stores.clear_workplace("k")
    assert list(stores.workplace("k").iterdir()) == []
    with pytest.raises(InvalidEntryError):
        stores.workplace("../k")


def test_an_object_store_needs_a_scratch_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="scratch"):
        Stores("memory:///").workplace("k")
    assert Stores("memory:///", scratch=tmp_path).workplace("k").is_relative_to(tmp_path)


def test_sweeping_takes_old_orphans_and_nothing_else(stores: Stores, root: Path) -> None:
    images = stores.images("line", "f")
    committed = images.write_segment(IMAGE, [ImageRow("a", "/in/a.png")])
    stores.registry.put("models", "k", {"a": b"1"})
    stores.snapshots("line")
    beside = root / committed.location.rpartition("/")[0] / "data-beside"
    alone, young = root / "images/line/f/x/data-alone", root / "models/y/data-young"
    for folder in (beside, alone, young):
        folder.mkdir(parents=True)
        (folder / "c.0").write_bytes(b"orphan")
    age(root, NOW - 7200)
    age(young, NOW - 60)
    swept = stores.sweep(3600.0, NOW)
    assert set(swept.folders) == {
        beside.relative_to(root).as_posix(),
        alone.relative_to(root).as_posix(),
    }
    assert swept.size_bytes == 12
    assert young.exists()
    assert not alone.parent.exists()
    np.testing.assert_array_equal(images.read(["a"]), IMAGE)
    assert stores.registry.open("models", "k").exists()
    assert stores.sweep(3600.0, NOW).folders == ()


def test_storage_imports_nothing_of_the_floors_above() -> None:
    modules = "import storage.stores, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert "storage" in loaded
    assert not loaded & {"prefect", "dask", "distributed", "torch", "tasks", "flows", "sklearn"}


def test_of_two_processes_one_at_a_time_is_in_an_exclusive_block(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from storage.stores import Stores\n"
        "with Stores(Path(sys.argv[1])).exclusive('key'):\n"
        "    print('in', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "in\n"
        with (tmp_path / "locks" / "key").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        first.kill()
    with Stores(tmp_path).exclusive("key"):  # a killed process holds nothing
        pass


def test_who_comes_second_is_told_at_once_who_is_at_work(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from storage.stores import Stores\n"
        "with Stores(Path(sys.argv[1])).alone('line-boards', 'The nightly of 02:00'):\n"
        "    print('in', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    stores = Stores(tmp_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "in\n"
        said = "The nightly of 02:00 is at work on line-boards"
        with pytest.raises(BusyError, match=said), stores.alone("line-boards", "I"):
            pass
        with stores.alone("line-tiles", "I"):  # another line is another matter
            pass
        first.kill()
    with stores.alone("line-boards", "I"):  # a killed process holds nothing
        assert (tmp_path / "locks" / "line-boards").read_text() == "I"
