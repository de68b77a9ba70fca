"""Verb: freeze what belongs together into one bundle, and make a bundle the champion of its line."""

from __future__ import annotations

import json

from prefect import task

from storage.fingerprints import fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.bundles import BUNDLES
from tasks.jobs import Bundle
from tasks.retrying import RETRYING


@task(name="freeze", **RETRYING)
def freeze(stores: Stores, bundle: Bundle) -> Receipt:
    """Commit preprocessing, model, mask, backbones, classifier and threshold as one bundle."""
    content = BUNDLES.dump_json(bundle)
    key = fingerprint(json.loads(content))
    if committed := stores.registry.find("bundles", key):
        return committed
    return stores.registry.put(
        "bundles", key, {"bundle.json": content}, facts={"line": bundle.line}
    )


@task(name="promote", **RETRYING)
def promote(stores: Stores, line: str, bundle: Receipt) -> int:
    """Make the bundle the champion of its line, atomically; return the champion's number."""
    return stores.registry.promote(line, bundle.key)
