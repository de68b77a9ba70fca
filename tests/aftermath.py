"""What must hold after a fault: nothing half-written, lost, doubled or left running; the same verdicts."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import psutil
import pytest

from storage.layout import KINDS
from storage.receipts import Receipt
from tests.product_line import LINE, ProductLine, receipts

# Boards of the tiny line that get a row: both classes of development and certification, and the undecided.
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


def certified(line: ProductLine) -> bool:
    """From here to the promotion the run watches, compares, audits and reports."""
    return bool(receipts(line.store, "certificates"))


def wait_for(condition: Condition, line: ProductLine, process: subprocess.Popen[str]) -> None:
    while not condition(line):
        if process.poll() is not None:
            pytest.fail(f"The run ended too early:\n{process.communicate()[0]}")
        time.sleep(0.005)


def assert_nothing_half_written(line: ProductLine) -> None:
    """All that is visible reads as it was written: the stores compare every digest."""
    stores = line.stores
    for fingerprint in folders(line, f"images/{LINE}"):
        images = stores.images(LINE, fingerprint)
        images.read(list(images.rows()))
    for fingerprint in folders(line, f"features/{LINE}"):
        features = stores.features(LINE, fingerprint)
        table = features.table(list(features.rows()))
        assert np.isfinite(table.values_NM).all()
    for kind in KINDS:
        for key in folders(line, kind):
            if stores.registry.find(kind, key) is not None:
                stores.registry.open(kind, key)


def folders(line: ProductLine, name: str) -> list[str]:
    place = line.store / name
    return [folder.name for folder in place.iterdir()] if place.exists() else []


def weights_digest(line: ProductLine) -> str:
    (model,) = folders(line, "models")
    receipt = line.stores.registry.find("models", model)
    assert receipt is not None
    return receipt.digest


def rows_of(line: ProductLine) -> Counter[str]:
    """How often each board has an image, and a row of metrics, over all that is committed."""
    found: Counter[str] = Counter()
    for receipt in _batches(line):
        folder = f"{receipt.kind} {receipt.fingerprint}"
        found.update(f"{folder} {image_id}" for image_id in receipt.rows)
    return found


def _batches(line: ProductLine) -> Iterator[Receipt]:
    for kind in ("images", "features"):
        for place in (line.store / kind).rglob("receipt.json"):
            yield Receipt.from_json(place.read_bytes())


def session_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """All living processes of the session that a program was started with, its orphans among them."""
    found = []
    for other in psutil.process_iter():
        try:
            if os.getsid(other.pid) == process.pid and other.status() != psutil.STATUS_ZOMBIE:
                found.append(other)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def assert_no_orphans(started: Sequence[subprocess.Popen[str]], seconds: float = 60) -> None:
    """What a killed program had started ends by itself, soon; so does all of one that ended."""
    end = time.monotonic() + seconds
    while left := [one for process in started for one in session_of(process)]:
        assert time.monotonic() < end, [one.cmdline() for one in left]
        time.sleep(0.2)
