"""Screening of a line: what workers measure of it, what is lost, and what a run commits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storage.images import ImageRow
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.archive.settings import PhotographSettings
from tasks.archive.sources import Photograph
from tasks.confounds.settings import ConfoundSettings
from tasks.screen import screen
from tasks.trivial import Screened, Trivial, trivial_columns, trivial_properties
from tasks.workers import Workers
from tests.product_line import tile
from tests.tasks.plant import LINE, Plant, board, new_plant, png

SETTINGS = ConfoundSettings(permutations=50, repeats=2)
MADE_BY = "f" * 64


@dataclass
class Tiles:
    """Files and their board images, as an ingest leaves them."""

    folder: Path
    stores: Stores
    items: tuple[Screened, ...]

    def measure(self, items: tuple[Screened, ...] | None = None) -> list[Trivial]:
        expected = PhotographSettings(channels=1)
        return trivial_properties(
            self.stores, "tiles", MADE_BY, expected, self.items if items is None else items
        )


@pytest.fixture
def tiles(tmp_path: Path) -> Tiles:
    stores, items, boards, rows = Stores(tmp_path / "store"), [], [], []
    for number in range(6):
        place = tmp_path / f"{number}.png"
        Image.fromarray(tile(number, "normal")).save(place)
        digest = hashlib.sha256(place.read_bytes()).hexdigest()
        items.append(Screened(digest, Photograph(str(place), place.name, "normal")))
        boards.append(tile(number, "normal")[::2, ::2, None])
        rows.append(ImageRow(digest, place.name))
    stores.images("tiles", MADE_BY).write_segment(np.stack(boards), rows)
    return Tiles(tmp_path, stores, tuple(items))


def test_every_column_of_file_photograph_and_board_is_measured(tiles: Tiles) -> None:
    found = tiles.measure()
    names = {column.name for column in trivial_columns()}
    assert len(names) == len(trivial_columns())
    assert all(set(one.values) == names and one.lost is None for one in found)
    first = found[0].values
    assert first["file.format"] == "PNG"
    assert first["photograph.grey_mean"] == pytest.approx(tile(0, "normal").mean(), rel=1e-4)
    assert first["board.grey_mean"] == pytest.approx(tile(0, "normal")[::2, ::2].mean(), rel=1e-4)


def test_any_batch_gives_the_same_properties(tiles: Tiles) -> None:
    one_by_one = [tiles.measure((item,))[0] for item in tiles.items]
    assert one_by_one == tiles.measure()


def test_files_that_are_gone_or_others_now_keep_the_properties_of_their_boards(
    tiles: Tiles,
) -> None:
    (tiles.folder / "0.png").unlink()
    Image.fromarray(tile(9, "normal")).save(tiles.folder / "1.png")
    (tiles.folder / "2.png").write_bytes(b"")
    items = (*tiles.items[:3], replace(tiles.items[3], photograph=None), tiles.items[4])
    found = tiles.measure(items)
    assert [one.lost is None for one in found] == [False, False, False, False, True]
    assert "changed" in str(found[1].lost)
    assert "lists the file no more" in str(found[3].lost)
    for one in found[:4]:
        assert {name.partition(".")[0] for name in one.values} == {"board"}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with Workers(None, 2) as workers:
        made = new_plant(tmp_path_factory.mktemp("plant"), workers)
        made.ingest()
        yield made


def screening(plant: Plant, settings: ConfoundSettings = SETTINGS) -> tuple[Receipt, Any]:
    snapshot = plant.stores.snapshots(LINE).latest()
    assert snapshot is not None
    receipt: Receipt = screen.fn(plant.stores, plant.job, snapshot, settings, plant.workers)
    folder = plant.stores.registry.open("screenings", receipt.key)
    return receipt, json.loads((folder / "screening.json").read_text())


@pytest.mark.slow
def test_a_run_commits_once_and_is_a_look_up_afterwards(plant: Plant) -> None:
    receipt, found = screening(plant)
    assert receipt.kind == "screenings"
    assert receipt.facts["warnings"] == found["warnings"]
    assert receipt.facts["lost"] == 0
    assert found["n_normal"] + found["n_abnormal"] == len(_ids(plant, receipt))
    assert {one["name"].partition(".")[0] for one in found["properties"]} >= {"board", "photograph"}
    plant.workers = Workers("tcp://127.0.0.1:1", 1)  # nobody answers there: nothing may be measured
    assert screening(plant)[0] == receipt


@pytest.mark.slow
def test_a_file_that_the_archive_lost_is_said(tmp_path: Path) -> None:
    with Workers(None, 2) as workers:
        own = new_plant(tmp_path, workers)
        own.ingest()
        (own.archive / "abnormal" / "a50.png").unlink()
        receipt, found = screening(own)
    assert receipt.facts["lost"] == 1
    assert found["notes"][0].startswith("1 of ")
    assert "lists the file no more" in found["notes"][0]


@pytest.mark.slow
def test_a_night_measures_the_files_that_are_new_to_it(tmp_path: Path) -> None:
    with Workers(None, 2) as workers:
        own = new_plant(tmp_path, workers)
        own.ingest()
        before, _ = screening(own)
        for number in range(20, 26):
            own.put(f"normal/n{number}.png", png(board(number)))
        own.ingest()
        # Whoever reads it again finds that it is another file now.
        own.put("abnormal/a50.png", png(board(99)))
        after, _ = screening(own)
    assert after.facts["lost"] == 0
    ids, known = _ids(own, after), set(_ids(own, before))
    assert known < set(ids)
    table = _table(own, after)
    earlier = _table(own, before)
    for name, values in earlier["columns"].items():
        of_image = dict(zip(ids, table["columns"][name], strict=True))
        assert [of_image[one] for one in earlier["image_ids"]] == values
    assert None not in table["columns"]["file.bytes"]


def _ids(plant: Plant, receipt: Receipt) -> list[str]:
    table = _table(plant, receipt)
    ids: list[str] = table["image_ids"]
    assert all(len(values) == len(ids) for values in table["columns"].values())
    return ids


def _table(plant: Plant, receipt: Receipt) -> Any:
    folder = plant.stores.registry.open("screenings", receipt.key)
    return json.loads((folder / "properties.json").read_text())
