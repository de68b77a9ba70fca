"""Verb: freeze what belongs together into one bundle, and make a bundle the champion of its line."""

from __future__ import annotations

import json
from collections.abc import Mapping

from prefect import task

from storage.fingerprints import fingerprint
from storage.receipts import Json, Receipt
from storage.registry import ANY_CHAMPION, AnyChampion
from storage.stores import Stores
from tasks.bundles import BUNDLES
from tasks.jobs import Bundle
from tasks.retrying import RETRYING


@task(name="freeze", **RETRYING)
def freeze(stores: Stores, bundle: Bundle, snapshot: int | None = None) -> Receipt:
    """Commit preprocessing, model, mask, backbones, classifier and threshold as one bundle.

    `snapshot` is the number of the one that it was made of: later it tells which images were new to it.
    """
    content = BUNDLES.dump_json(bundle)
    key = fingerprint(json.loads(content))
    if committed := stores.registry.find("bundles", key):
        return committed
    return stores.registry.put(
        "bundles",
        key,
        {"bundle.json": content},
        facts={"line": bundle.line, "snapshot": snapshot},
    )


@task(name="promote", **RETRYING)
def promote(
    stores: Stores,
    line: str,
    bundle: Receipt,
    facts: Mapping[str, Json] | None = None,
    instead_of: str | AnyChampion | None = ANY_CHAMPION,
) -> int:
    """Make the bundle the champion of its line, atomically; return the number of the promotion.

    `facts` tell how, by whom and why. `ChampionChangedError` unless `instead_of`, where it is given,
    still is the champion.
    """
    return stores.registry.promote(line, bundle.key, facts, instead_of)
