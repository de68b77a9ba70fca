from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from storage.errors import StorageError
from storage.stores import Stores
from tests.small_disk import small_disk
from tests.storage.writer import BATCH, ids_of, images_of, values_of, write_batch

REPOSITORY = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.storage.writer", *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.splitlines()


def check_complete(stores: Stores, batches: set[int]) -> None:
    """Every batch reads bit by bit as it was written."""
    for batch in sorted(batches):
        images = stores.images("line", "f").read(ids_of(batch))
        np.testing.assert_array_equal(images, images_of(batch))
        table = stores.features("line", "f").table(ids_of(batch))
        np.testing.assert_array_equal(table.values_NM, values_of(batch))


def check_nothing_half_written(stores: Stores) -> None:
    """Whatever is visible is whole, acknowledged or not."""
    images, features = stores.images("line", "f"), stores.features("line", "f")
    assert len(images.rows()) % BATCH == len(features.rows()) % BATCH == 0
    images.read(list(images.rows()))
    features.table(list(features.rows()))


def orphans(root: Path) -> int:
    folders = [path for path in root.rglob("data-*") if path.is_dir()]
    return len(folders) - len(list(root.rglob("receipt.json")))


@pytest.mark.slow
def test_processes_that_write_the_same_keys_at_once_agree(root: Path) -> None:
    writers = [start("batches", root, 0, 8) for _ in range(3)]
    assert all(len(finish(writer)) == 8 for writer in writers)
    stores = Stores(root)
    check_complete(stores, set(range(8)))
    assert len(stores.images("line", "f").rows()) == 8 * BATCH
    assert orphans(root) == 0
    assert not list(root.rglob("*#*"))


def test_threads_that_share_one_stores_object_agree(stores: Stores, root: Path) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for batch in range(4):
                write_batch(stores, batch)
                check_complete(stores, {batch})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert orphans(root) == 0


@pytest.mark.slow
def test_concurrent_promotions_and_commits_lose_nothing(root: Path) -> None:
    writers = [start("numbers", root, writer, 8) for writer in range(3)]
    told = [line.split() for writer in writers for line in finish(writer)]
    stores = Stores(root)
    history = stores.registry.history("line")
    assert sorted(int(each[0]) for each in told) == list(range(1, 25))
    assert {(str(each.number), each.bundle) for each in history} == {
        (each[0], each[1]) for each in told
    }
    assert stores.registry.champion("line") == history[-1].bundle
    assert sorted(int(each[2]) for each in told) == list(range(1, 25))
    for _, _, number, image_id in told:
        assert stores.snapshots("line").read(int(number)).rows[0].image_id == image_id


@pytest.mark.faults
def test_killed_writers_lose_nothing_that_they_acknowledged(root: Path) -> None:
    chance = np.random.default_rng(0)
    acknowledged: set[int] = set()
    stores = Stores(root)
    for _ in range(25):
        writer = start("batches", root, 0, 4000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(float(chance.uniform(0.0, 0.25)))
        writer.kill()
        output, _ = writer.communicate()
        # The last line may be cut by the kill.
        acknowledged |= {int(line) for line in output.splitlines()[:-1]}
        check_nothing_half_written(stores)
    assert len(acknowledged) > 25
    check_complete(stores, acknowledged)
    end = max(acknowledged) + 3
    finish(start("batches", root, 0, end))
    check_complete(stores, set(range(end)))
    swept = stores.sweep(0.0, time.time() + 1.0)
    assert len(swept.folders) > 0
    assert orphans(root) == 0
    assert not list(root.rglob("*#*"))
    check_complete(stores, set(range(end)))


@pytest.mark.slow
def test_killed_writers_of_the_same_keys_beside_living_ones(root: Path) -> None:
    for kill_after_seconds in (0.5, 0.6, 0.7, 0.8):
        living, dying = start("batches", root, 0, 60), start("batches", root, 0, 60)
        time.sleep(kill_after_seconds)
        dying.kill()
        dying.communicate()
        assert len(finish(living)) == 60
        stores = Stores(root)
        check_complete(stores, set(range(60)))
        for path in stores.objects.list():
            stores.objects.delete(path)


def test_a_file_size_limit_is_a_full_store_and_earlier_entries_stay(root: Path) -> None:
    told = finish(start("fill", root, 20_000))
    assert told[0] == "committed 0"
    assert told[1].startswith("full: The store failed at writing images/line/f/")
    assert "Free space" in told[1]
    stores = Stores(root)
    check_complete(stores, {0})
    # Chunks that were on their way when the first one failed may be left for the sweep.
    stores.sweep(0.0, time.time() + 1.0)
    assert orphans(root) == 0


def test_a_full_disk_is_a_full_store_and_it_works_again_with_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 8) as folder:
        told = finish(start("fill", folder / "store", 0))
        assert told[-1].startswith("full: ")
        stores = Stores(folder / "store")
        check_complete(stores, {0})
        images = stores.images("line", "f")
        assert len(images.rows()) == (len(told) - 1) * BATCH
        images.read([image_id for image_id in images.rows() if not image_id.startswith("i0-")])
        stores.objects.delete_folder("images/line/f/" + images._book.receipts()[0].key)
        write_batch(stores, 500)
        check_complete(stores, {500})


def test_a_root_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        Stores(tmp_path / "file" / "store")
