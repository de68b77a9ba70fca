"""Nights of a line as the verbs leave them in a store, of a few bytes each."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from storage.images import ImageRow
from storage.ingests import IngestRecord
from storage.inspections import InspectedRow
from storage.integrity import verify_entry
from storage.inventory import inventory
from storage.objects import Objects
from storage.snapshots import SnapshotRow
from storage.stores import Stores

LINE = "boards"
SIDE_PX = 4
DAY = 86_400.0
PARTS = ("models", "masks", "classifiers", "thresholds")


INSPECTED = InspectedRow(
    "i9", "i9.png", "2026-11-20T08:00:00+00:00", None, False, 0.1, None, None, 90.0, 9.0, 0.02
)


def name(kind: str, number: int) -> str:
    """A key as long as a real one: short words could be found anywhere."""
    return f"{kind}-{number}".ljust(64, "0").replace("_", "-")


def ingest(stores: Stores, alignment: int, photographs: int) -> None:
    """Board images under one alignment, and the snapshot of them."""
    ids = [f"i{n}" for n in range(photographs)]
    images = stores.images(LINE, name("aligned", alignment))
    if missing := images.missing(ids):
        pixels = np.random.default_rng(alignment).integers(0, 255, (len(ids), SIDE_PX, SIDE_PX, 1))
        chosen = pixels[[ids.index(one) for one in missing]].astype(np.uint8)
        images.write_segment(chosen, [ImageRow(one, f"{one}.png") for one in missing])
    reference = name("reference", alignment)
    stores.registry.put("references", reference, {"reference.json": b"{}"})
    rows = [SnapshotRow(one, f"{one}.png", "normal", "training") for one in ids]
    snapshot = stores.snapshots(LINE).commit(rows, images.fingerprint, "roles")
    record = IngestRecord(
        f"{alignment}-{photographs}",
        "2026-11-20T02:00:00+00:00",
        snapshot.number,
        images.fingerprint,
        reference,
        len(ids),
        len(ids),
        0,
        {},
        "none",
    )
    stores.ingests(LINE).append(record)


def freeze(stores: Stores, alignment: int, model: int, fit: int) -> str:
    """A bundle with all it is made of, its certificate and report; returns the bundle's key."""
    put, images = stores.registry.put, name("aligned", alignment)
    keys = {kind: name(kind, 10 * model + alignment) for kind in ("models", "masks", "features")}
    keys |= {kind: name(kind, 100 * fit + 10 * model + alignment) for kind in PARTS[2:]}
    put("models", keys["models"], {"weights": b"w"}, inputs={"images": images})
    put("masks", keys["masks"], {"mask": b"m"}, inputs={"model": keys["models"], "images": images})
    features = stores.features(LINE, keys["features"])
    made_of = {"images": images, "model": keys["models"], "mask": keys["masks"]}
    features.write_batch(["i0"], np.ones((1, 2)), ["a", "b"], ["ok"], inputs=made_of)
    measured = {"features": keys["features"]}
    put("trials", name("trials", 100 * fit + model), {"trial.json": b"[]"}, inputs=measured)
    put("classifiers", keys["classifiers"], {"score": b"s"}, inputs=measured)
    made = {"classifier": keys["classifiers"]}
    put("thresholds", keys["thresholds"], {"threshold.json": b"{}"}, inputs=made)
    bundle = name("bundles", 100 * fit + 10 * model + alignment)
    content = {"line": LINE, "reference": name("reference", alignment), **keys}
    put("bundles", bundle, {"bundle.json": json.dumps(content).encode()}, facts={"line": LINE})
    certificate = bundle.replace("bundles", "certify")
    stores.looks().record([images], certificate, {"line": LINE})
    put("certificates", certificate, {"c.json": b"{}"}, facts={"bundle": bundle, "line": LINE})
    about = {"bundle": bundle, "certificate": certificate}
    put("periods", bundle.replace("bundles", "periods"), {"p.json": b"{}"}, inputs=about)
    stores.inspections(LINE, bundle).write([INSPECTED], "2026-11-20T08:00:00+00:00")
    put("reports", bundle.replace("bundles", "reports"), {"r.html": b"<p>"}, inputs=about)
    return bundle


def parts_of(stores: Stores, bundle: str) -> set[str]:
    """Folders of all that a bundle names and of its certificates, as a reader would look for them."""
    content = json.loads((stores.registry.open("bundles", bundle) / "bundle.json").read_bytes())
    found = {f"{kind}/{content[kind]}" for kind in PARTS}
    found |= {f"bundles/{bundle}", f"references/{content['reference']}"}
    features = stores.objects.folders(f"features/{LINE}/{content['features']}")
    assert features
    certificate = bundle.replace("bundles", "certify")
    return found | set(features) | {f"certificates/{certificate}"}


def age(root: Path, seconds: float) -> None:
    """Let everything in the store be older by so many seconds."""
    for path in sorted(root.rglob("*"), reverse=True):
        status = path.lstat()
        os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def listed(objects: Objects) -> set[str]:
    """Folders of all entries."""
    return {entry.path for entry in inventory(objects)}


def check_champions(stores: Stores, count: int) -> None:
    """The last champions can be used: every part is there, and every byte of it as it was written."""
    history = stores.registry.history(LINE)
    for bundle in list(dict.fromkeys(one.bundle for one in reversed(history)))[:count]:
        for path in parts_of(stores, bundle):
            verify_entry(stores.objects, path)


def check_snapshot(stores: Stores) -> None:
    """Every image of the newest snapshot reads."""
    snapshot = stores.snapshots(LINE).latest()
    if snapshot is not None:
        images = stores.images(LINE, snapshot.images_fingerprint)
        assert len(images.read([row.image_id for row in snapshot.rows])) == len(snapshot.rows)
