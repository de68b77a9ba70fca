"""Scales of normals are learnt by real workers, kept, and used by the instrument that names them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.archive.roles import Role
from tasks.batches import look_at
from tasks.bundles import champion_bundle
from tasks.candidates.scales import read_scales
from tasks.jobs import Measuring
from tasks.score_sheet import ids_of
from tasks.standardise import standardise
from tasks.workers import Workers
from tests.conftest import Retrained
from tests.product_line import LINE

pytestmark = pytest.mark.slow


def test_scales_are_learnt_once_and_rank_the_boxes(retrained: Retrained) -> None:
    stores = retrained.line.stores
    bundle, snapshot = champion_bundle(stores, LINE), stores.snapshots(LINE).latest()
    assert snapshot is not None
    images = snapshot.images_fingerprint
    raw = Measuring(bundle.instrument, LINE, images, bundle.features_fingerprint)
    normals = ids_of(snapshot, Role.MASK)
    learnt = []
    for workers, batch in ((1, 1), (2, 3)):
        with Workers(None, workers, batch) as started:
            learnt.append(standardise.fn(stores, raw, normals, started))
    assert learnt[0].key == learnt[1].key
    scales = read_scales(stores.registry.open("scales", learnt[0].key) / "scales.json")
    assert scales.sides_px == (4, 8)
    scaled = replace(raw, instrument=replace(raw.instrument, scales_key=learnt[0].key))
    board = ids_of(snapshot, Role.DEVELOPMENT)[:1]
    ((_, with_scales),) = look_at(stores, scaled, board)
    assert not isinstance(with_scales, str)
    found = with_scales.plain
    expected = scales.standardise(found.distances_Q, found.boxes_Q4)
    assert found.scores_Q.tolist() == expected.tolist()
