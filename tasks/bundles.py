"""Reading frozen bundles: what belongs together at inspection is only ever read together."""

from __future__ import annotations

from pydantic import TypeAdapter

from storage.errors import NotFoundError
from storage.stores import Stores
from tasks.jobs import Bundle

BUNDLES: TypeAdapter[Bundle] = TypeAdapter(Bundle)


def read_bundle(stores: Stores, key: str) -> Bundle:
    """The frozen bundle of a key, verified by its digest."""
    return BUNDLES.validate_json(
        (stores.registry.open("bundles", key) / "bundle.json").read_bytes()
    )


def champion_bundle(stores: Stores, line: str) -> Bundle:
    """The line's champion; raises `NotFoundError` where none was promoted yet."""
    key = stores.registry.champion(line)
    if key is None:
        raise NotFoundError(
            f"The line {line} has no champion yet.",
            "Run `zeroescape retrain` with its configuration.",
        )
    return read_bundle(stores, key)
