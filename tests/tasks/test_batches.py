"""A batch of photographs: what can be stored is stored, the rest is refused with its reason."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.archive.sorting import Digested
from tasks.archive.sources import Photograph
from tasks.batches import store_photographs
from tasks.jobs import IngestJob


@pytest.fixture
def job(tmp_path: Path) -> IngestJob:
    return IngestJob(
        line="line",
        source=FolderSource(path=tmp_path),
        photograph=PhotographSettings(height_px=12, width_px=8, channels=1),
        alignment=NoAlignment(side_px=4),
        roles=RoleSettings(),
    )


def digested(folder: Path, name: str, shade: int) -> Digested:
    path = folder / name
    Image.fromarray(np.full((12, 8), shade, np.uint8)).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Digested(Photograph(path, name, "normal"), digest)


def test_what_vanishes_or_changes_after_it_was_read_is_refused(
    tmp_path: Path, job: IngestJob
) -> None:
    good, changed, gone = (
        digested(tmp_path, name, shade)
        for shade, name in enumerate(("good.png", "changed.png", "gone.png"))
    )
    digested(tmp_path, "changed.png", 99)
    gone.photograph.path.unlink()
    stores = Stores(tmp_path / "store")
    refused = store_photographs(stores, job, "f", (good, changed, gone))
    assert [(refusal.photograph.name, refusal.kind) for refusal in refused] == [
        ("changed.png", "unusable"),
        ("gone.png", "unreadable"),
    ]
    assert all(refusal.reason and refusal.remedy for refusal in refused)
    images = stores.images("line", "f")
    assert list(images.rows()) == [good.digest]
    assert images.read([good.digest]).shape == (1, 4, 4, 1)


def test_a_batch_without_a_usable_file_stores_nothing(tmp_path: Path, job: IngestJob) -> None:
    gone = digested(tmp_path, "gone.png", 1)
    gone.photograph.path.unlink()
    stores = Stores(tmp_path / "store")
    assert len(store_photographs(stores, job, "f", (gone,))) == 1
    assert stores.images("line", "f").rows() == {}
