"""SIGKILL at any moment costs time and nothing else: the verdicts are those of an undisturbed run."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.layout import KINDS
from tests.conftest import Retrained
from tests.product_line import LINE, ProductLine, descendants, ended, kill_group, receipts

pytestmark = pytest.mark.slow

MEASURED = 12 + 12 + 8 + 6 + 4
Condition = Callable[[ProductLine], bool]


def images_begun(line: ProductLine) -> bool:
    return bool(receipts(line.store, "images"))


def training_begun(line: ProductLine) -> bool:
    return any((line.store / "workplaces").glob("*/checkpoint.pt"))


def features_begun(line: ProductLine) -> bool:
    return bool(receipts(line.store, "features"))


def features_done(line: ProductLine) -> bool:
    """From here to the first classifier the run fits."""
    if not features_begun(line):
        return False
    (fingerprint,) = (line.store / "features" / LINE).iterdir()
    return len(line.stores.features(LINE, fingerprint.name).rows()) == MEASURED


def wait_for(condition: Condition, line: ProductLine, process: subprocess.Popen[str]) -> None:
    while not condition(line):
        if process.poll() is not None:
            pytest.fail(f"The run ended too early:\n{process.communicate()[0]}")
        time.sleep(0.005)


def assert_nothing_half_written(line: ProductLine) -> None:
    """All that is visible reads as it was written: the stores compare every digest."""
    stores = line.stores
    for fingerprint in folders(line.store / "images" / LINE):
        images = stores.images(LINE, fingerprint)
        images.read(list(images.rows()))
    for fingerprint in folders(line.store / "features" / LINE):
        features = stores.features(LINE, fingerprint)
        table = features.table(list(features.rows()))
        assert np.isfinite(table.values_NM).all()
    for kind in KINDS:
        for key in folders(line.store / kind):
            if stores.registry.find(kind, key) is not None:
                stores.registry.open(kind, key)


def folders(place: Path) -> list[str]:
    return [folder.name for folder in place.iterdir()] if place.exists() else []


def test_a_flow_killed_four_times_ends_with_the_same_verdicts(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    line = ProductLine(tmp_path / "line", retrained.line.archive, environment)
    for moment in (images_begun, training_begun, features_begun, features_done):
        process = line.start("retrain")
        try:
            wait_for(moment, line, process)
        finally:
            # The flow alone: its training and its workers end by themselves, and with them the pipe.
            process.kill()
            process.communicate(timeout=300)
        assert_nothing_half_written(line)
        assert line.stores.registry.champion(LINE) is None
    figures = line.retrain()
    assert figures["fingerprints"] == retrained.figures["fingerprints"]
    assert line.verdicts() == retrained.line.verdicts()
    assert weights_digest(line) == weights_digest(retrained.line)
    assert folders(line.store / "workplaces") == []


def test_a_run_survives_its_training_and_a_worker_being_killed(
    retrained: Retrained, environment: dict[str, str], tmp_path: Path
) -> None:
    line = ProductLine(tmp_path / "line", retrained.line.archive, environment)
    process = line.start("retrain")
    try:
        wait_for(training_begun, line, process)
        (training,) = descendants(process, "tasks.training_job")
        training.kill()
        wait_for(features_begun, line, process)
        # Dask's workers are the children that multiprocessing spawned.
        descendants(process, "spawn_main")[0].kill()
        ended(process)
    finally:
        kill_group(process)
    assert_nothing_half_written(line)
    assert line.verdicts() == retrained.line.verdicts()
    assert weights_digest(line) == weights_digest(retrained.line)


def weights_digest(line: ProductLine) -> str:
    (model,) = folders(line.store / "models")
    receipt = line.stores.registry.find("models", model)
    assert receipt is not None
    return receipt.digest
