"""The same board images and features, bit for bit, whatever the batches and however many workers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from storage.features import FeatureTable
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.bundles import champion_bundle
from tasks.extract import extract
from tasks.ingest import ingest
from tasks.jobs import IngestJob, Measuring
from tasks.workers import Workers
from tests.conftest import Retrained
from tests.product_line import LINE, SIDE_PX, write_archive
from tests.spoilt import spoil

pytestmark = pytest.mark.slow


def measured_line(retrained: Retrained) -> tuple[Measuring, list[str], FeatureTable]:
    """What the first run measured, of which images, and what came out."""
    stores = retrained.line.stores
    snapshot = stores.snapshots(LINE).latest()
    assert snapshot is not None
    bundle = champion_bundle(stores, LINE)
    fingerprint = bundle.features_fingerprint
    measuring = Measuring(bundle.instrument, LINE, snapshot.images_fingerprint, fingerprint)
    features = stores.features(LINE, fingerprint)
    ids = sorted(features.rows())
    return measuring, ids, features.table(ids)


def without_features(retrained: Retrained, place: Path) -> Stores:
    shutil.copytree(retrained.line.store, place, ignore=shutil.ignore_patterns("features"))
    return Stores(place)


def assert_same_bits(found: FeatureTable, expected: FeatureTable) -> None:
    assert found.columns == expected.columns
    assert found.statuses == expected.statuses
    np.testing.assert_array_equal(
        found.values_NM.view(np.uint64), expected.values_NM.view(np.uint64)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_features_do_not_depend_on_batches_or_workers(
    retrained: Retrained, tmp_path: Path, workers: int
) -> None:
    measuring, ids, expected = measured_line(retrained)
    with Workers(None, workers) as pool:
        for batch_images in (5, 16, 64, None):
            pool.batch_images = batch_images
            stores = without_features(retrained, tmp_path / str(batch_images))
            assert extract.fn(stores, measuring, ids, pool) == len(ids)
            found = stores.features(LINE, measuring.features_fingerprint)
            sizes = batch_sizes([row.batch for row in found.rows().values()])
            if batch_images is None:
                assert sizes[0] == 1 < sizes[-1]
            else:
                assert set(sizes[1:]) <= {batch_images}
            assert_same_bits(found.table(ids), expected)


def batch_sizes(batches: Sequence[str]) -> list[int]:
    return sorted(batches.count(batch) for batch in set(batches))


def test_an_extraction_goes_on_with_batches_of_another_size(
    retrained: Retrained, tmp_path: Path
) -> None:
    """What is committed is known by the image, never by the batch that it came in."""
    measuring, ids, expected = measured_line(retrained)
    stores, done = without_features(retrained, tmp_path / "store"), ids[1::3]
    with Workers(None, 2, batch_images=4) as pool:
        assert extract.fn(stores, measuring, done, pool) == len(done)
        pool.batch_images = None
        assert extract.fn(stores, measuring, ids, pool) == len(ids) - len(done)
        pool.batch_images = 7
        assert extract.fn(stores, measuring, ids, pool) == 0
    assert_same_bits(stores.features(LINE, measuring.features_fingerprint).table(ids), expected)


def test_an_ingest_does_not_depend_on_batches_or_workers(tmp_path: Path) -> None:
    """Also with copies of one board in several batches, and files that are refused."""
    archive = write_archive(tmp_path / "archive", {"normal": 14, "abnormal": 6})
    spoil(archive)
    shutil.copytree(archive / "normal", archive / "again" / "normal")
    roles = {
        "reconstruction": 4,
        "validation": 1,
        "mask": 2,
        "development": {"normal": 3, "abnormal": 3},
    }
    job = IngestJob(
        LINE,
        FolderSource(path=str(archive)),
        PhotographSettings(height_px=SIDE_PX, width_px=SIDE_PX, channels=1),
        NoAlignment(side_px=SIDE_PX),
        RoleSettings.model_validate(roles),
    )
    seen = []
    for workers, batch_images in ((1, 64), (2, 3), (2, None)):
        stores = Stores(tmp_path / f"{workers} {batch_images}")
        with Workers(None, workers, batch_images) as pool:
            record = ingest.fn(stores, job, None, pool)
        snapshot = stores.snapshots(LINE).read(record.snapshot)
        ids = [row.image_id for row in snapshot.rows]
        images = stores.images(LINE, record.images_fingerprint)
        refused = [(one.source, one.kind) for one in stores.quarantine(LINE).entries()]
        assert len(ids) == 20
        seen.append((snapshot.rows, sorted(refused), images.read(ids).tobytes()))
    assert seen[0] == seen[1] == seen[2]
