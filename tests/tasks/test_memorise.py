"""Normals are remembered once, by a real worker, and their memory is a part of the instrument."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from flows import plan
from flows.settings import load_settings
from storage.stores import Stores
from tasks.bundles import champion_bundle
from tasks.memorise import memorise, memory_key
from tasks.memory.recollection import read_memory
from tasks.workers import Workers
from tests.conftest import Retrained
from tests.product_line import LINE

pytestmark = pytest.mark.slow


def test_a_memory_comes_out_the_same_and_is_made_once(retrained: Retrained, tmp_path: Path) -> None:
    made = retrained.line.stores
    bundle, snapshot = champion_bundle(made, LINE), made.snapshots(LINE).latest()
    assert snapshot is not None
    job = plan.memorising(load_settings(retrained.line.config), snapshot)
    assert job is not None
    assert bundle.instrument.memory_key == memory_key(job)
    stored = made.registry.open("memories", memory_key(job)) / "memory.safetensors"
    ignored = shutil.ignore_patterns("memories")
    shutil.copytree(retrained.line.store, tmp_path / "store", ignore=ignored)
    stores = Stores(tmp_path / "store")
    with Workers(None, 2) as workers:
        first = memorise.fn(stores, job, workers)
        assert memorise.fn(stores, job, workers).key == first.key
    anew = stores.registry.open("memories", first.key) / "memory.safetensors"
    assert anew.read_bytes() == stored.read_bytes()
    assert read_memory(anew).places


def test_other_normals_or_settings_are_another_memory(retrained: Retrained) -> None:
    snapshot = retrained.line.stores.snapshots(LINE).latest()
    assert snapshot is not None
    settings = load_settings(retrained.line.config)
    job = plan.memorising(settings, snapshot)
    assert job is not None
    others = (
        replace(job, image_ids=job.image_ids[1:]),
        replace(job, placed=False),
        replace(job, memory=job.memory.model_copy(update={"entries": 7})),
    )
    assert len({memory_key(one) for one in (job, *others)}) == 4
    without = settings.model_copy(update={"memory": None})
    assert plan.memorising(without, snapshot) is None
