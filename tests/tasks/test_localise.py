"""The verb on a retrained line whose defects are known: bright blobs, drawn as COCO boxes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from flows.settings import load_settings
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.bundles import champion_bundle
from tasks.jobs import Measuring
from tasks.localisation.hits import Rule
from tasks.localise import LocalisationOrder, localise
from tasks.score_sheet import ids_of
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers
from tests.conftest import Retrained
from tests.product_line import COUNTS, LINE, SIDE_PX, tile

pytestmark = pytest.mark.slow


def drawn(folder: Path, without: int = 0) -> str:
    """COCO boxes around the blobs; the first `without` images are left out."""
    images, annotations = [], []
    for number in range(without, COUNTS["abnormal"]):
        difference = tile(number, "abnormal").astype(float) - tile(number, "abnormal").mean()
        row, column = np.unravel_index(int(difference.argmax()), difference.shape)
        images.append(
            {
                "id": number,
                "file_name": f"a{number:03}.png",
                "width": SIDE_PX,
                "height": SIDE_PX,
            }
        )
        box = [max(int(column) - 4, 0), max(int(row) - 4, 0), 9, 9]
        annotations.append({"image_id": number, "category_id": 3, "bbox": box})
    place = folder / "blobs.json"
    categories = [{"id": 3, "name": "blob"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    place.write_text(json.dumps(document), encoding="utf-8")
    return str(place)


def asked(retrained: Retrained, truth: str | None) -> tuple[Stores, LocalisationOrder, Snapshot]:
    settings = load_settings(retrained.line.config)
    stores = Stores(settings.store)
    bundle = champion_bundle(stores, LINE)
    snapshot = stores.snapshots(LINE).latest()
    assert snapshot is not None
    measuring = Measuring(
        bundle.instrument, LINE, snapshot.images_fingerprint, bundle.features_fingerprint
    )
    return (
        stores,
        LocalisationOrder(measuring, settings.source, settings.photograph, truth),
        snapshot,
    )


def test_blobs_are_found_where_they_are(retrained: Retrained, tmp_path: Path) -> None:
    stores, order, snapshot = asked(retrained, drawn(tmp_path))
    figures = {}
    for count in (1, 2):
        with Workers(None, count, 5) as workers:
            figures[count] = localise.fn(stores, order, snapshot, workers)
    judged = figures[1]
    assert asdict(judged) == asdict(figures[2])
    abnormal = [row for row in snapshot.rows if row.label == "abnormal"]
    used = [row for row in abnormal if row.role in (Role.DEVELOPMENT, Role.CERTIFICATION)]
    assert (judged.abnormal, judged.without_truth) == (len(used), 0)
    assert judged.abnormal + judged.normal == len(
        ids_of(snapshot, Role.DEVELOPMENT, Role.CERTIFICATION)
    )
    assert judged.masked is not None
    assert judged.places is not None
    assert judged.used is judged.places
    for found in (judged.masked, judged.plain, judged.places):
        touched = [row.rate for row in found.hits if row.rule is Rule.TOUCH and row.worst == 3]
        assert touched[0].found / touched[0].n > 0.8
        assert touched[0].by_chance is not None
        assert touched[0].by_chance < 0.5
        assert touched[0].by_kind.keys() == {"blob"}
        assert found.au_pro is not None
        assert found.au_pro > 0.6
    assert json.loads(json.dumps(asdict(judged), allow_nan=False))["line"] == LINE


def test_boards_without_truth_are_counted_apart(retrained: Retrained, tmp_path: Path) -> None:
    stores, order, snapshot = asked(retrained, drawn(tmp_path, without=4))
    with Workers(None, 1, 40) as workers:
        judged = localise.fn(stores, order, snapshot, workers)
    assert 0 < judged.without_truth <= 4


def test_a_line_without_truth_says_so(retrained: Retrained) -> None:
    stores, order, snapshot = asked(retrained, None)
    with Workers(None, 1, 40) as workers, pytest.raises(InputError, match="--truth"):
        localise.fn(stores, order, snapshot, workers)
