"""The same features, bit for bit, whatever the batches and however many workers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from storage.stores import Stores
from tasks.bundles import champion_bundle
from tasks.extract import extract
from tasks.jobs import Measuring
from tasks.workers import Workers
from tests.conftest import Retrained
from tests.product_line import LINE

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("workers", [1, 2])
def test_features_do_not_depend_on_batches_or_workers(
    retrained: Retrained, tmp_path: Path, workers: int
) -> None:
    snapshot = retrained.line.stores.snapshots(LINE).latest()
    assert snapshot is not None
    bundle = champion_bundle(retrained.line.stores, LINE)
    fingerprint = bundle.features_fingerprint
    measuring = Measuring(bundle.instrument, LINE, snapshot.images_fingerprint, fingerprint)
    expected = retrained.line.stores.features(LINE, fingerprint)
    ids = sorted(expected.rows())
    with Workers(None, workers, batch_images=1) as pool:
        for batch_images in (5, 16, 64):
            pool.batch_images = batch_images
            store = tmp_path / str(batch_images)
            without_features = shutil.ignore_patterns("features")
            shutil.copytree(retrained.line.store, store, ignore=without_features)
            assert extract.fn(Stores(store), measuring, ids, pool) == len(ids)
            found = Stores(store).features(LINE, fingerprint)
            assert len({row.batch for row in found.rows().values()}) == -(-len(ids) // batch_images)
            table, first = found.table(ids), expected.table(ids)
            assert table.columns == first.columns
            assert table.statuses == first.statuses
            np.testing.assert_array_equal(
                table.values_NM.view(np.uint64), first.values_NM.view(np.uint64)
            )
            assert extract.fn(Stores(store), measuring, ids, pool) == 0
