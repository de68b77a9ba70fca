"""A batch of photographs: what can be stored is stored, the rest is refused with its reason."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.listing import stamp_of
from tasks.archive.settings import PhotographSettings
from tasks.archive.sources import Label, Photograph
from tasks.intake import signatures, take_in
from tasks.jobs import BoardMaking

MAKING = BoardMaking(
    line="line",
    photograph=PhotographSettings(height_px=24, width_px=16, channels=1),
    alignment=NoAlignment(side_px=16),
    reference=None,
    images_fingerprint="f",
)


def photograph(folder: Path, name: str, shade: int, label: Label | None = "normal") -> Photograph:
    path = folder / name
    Image.fromarray(np.full((24, 16), shade, np.uint8)).save(path)
    return Photograph(str(path), name, label, stamp_of(str(path)))


def digest_of(one: Photograph) -> str:
    return hashlib.sha256(Path(one.location).read_bytes()).hexdigest()


def test_one_outcome_for_every_file_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    good, gone, torn = (photograph(tmp_path, f"{n}.png", n) for n in range(3))
    Path(gone.location).unlink()
    Path(torn.location).write_bytes(Path(torn.location).read_bytes()[:-20])
    torn = replace(torn, stamp=stamp_of(torn.location))
    stores = Stores(tmp_path / "store")
    outcomes = take_in(stores, MAKING, (good, gone, torn))
    assert [one.photograph for one in outcomes] == [good, gone, torn]
    assert [one.digest for one in outcomes] == [digest_of(good), None, digest_of(torn)]
    refusals = [one.refusal for one in outcomes]
    assert [refusal and refusal.kind for refusal in refusals] == [None, "unreadable", "unusable"]
    assert all(refusal is None or (refusal.reason and refusal.remedy) for refusal in refusals)
    images = stores.images("line", "f")
    assert images.rows().keys() == {digest_of(good)}
    assert images.read([digest_of(good)]).shape == (1, 16, 16, 1)
    assert signatures(images, [digest_of(good)]).shape == (1, 256)


def test_a_batch_without_a_usable_file_stores_nothing(tmp_path: Path) -> None:
    gone = photograph(tmp_path, "gone.png", 1)
    Path(gone.location).unlink()
    stores = Stores(tmp_path / "store")
    assert len(take_in(stores, MAKING, (gone,))) == 1
    assert stores.images("line", "f").rows() == {}


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    first, again = photograph(tmp_path, "a.png", 5), photograph(tmp_path, "b.png", 5)
    stores = Stores(tmp_path / "store")
    assert [one.refusal for one in take_in(stores, MAKING, (first, again))] == [None, None]
    renamed = photograph(tmp_path, "c.png", 5)
    assert take_in(stores, MAKING, (renamed,))[0].digest == digest_of(first)
    segments = list((tmp_path / "store" / "images").rglob("receipt.json"))
    assert len(segments) == 1
    assert len(stores.images("line", "f").rows()) == 1


def test_a_file_without_a_label_is_known_but_not_stored(tmp_path: Path) -> None:
    unlabelled = photograph(tmp_path, "inbox.png", 7, label=None)
    stores = Stores(tmp_path / "store")
    [outcome] = take_in(stores, MAKING, (unlabelled,))
    assert (outcome.digest, outcome.refusal) == (digest_of(unlabelled), None)
    assert stores.images("line", "f").rows() == {}


def test_an_archive_that_does_not_answer_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: Photograph) -> bytes:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("tasks.intake.read_photograph", unreachable)
    with pytest.raises(ConnectionError):
        take_in(Stores(tmp_path / "store"), MAKING, (photograph(tmp_path, "a.png", 1),))
