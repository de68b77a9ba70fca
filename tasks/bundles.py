"""Reading frozen bundles: what belongs together at inspection is only ever read together."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from storage.errors import NotFoundError
from storage.stores import Stores
from tasks.jobs import Bundle
from tasks.vocabulary.errors import InputError

BUNDLES: TypeAdapter[Bundle] = TypeAdapter(Bundle)


def read_bundle(stores: Stores, key: str) -> Bundle:
    """The frozen bundle of a key, verified by its digest; `InputError` for another version's."""
    content = (stores.registry.open("bundles", key) / "bundle.json").read_bytes()
    try:
        return BUNDLES.validate_json(content)
    except ValidationError as error:
        raise InputError(
            f"The bundle {key} was frozen by another version of zeroescape.",
            "Run `zeroescape retrain` with its configuration, which certifies anew.",
        ) from error


def champion_bundle(stores: Stores, line: str) -> Bundle:
    """The line's champion; raises `NotFoundError` where none was promoted yet."""
    key = stores.registry.champion(line)
    if key is None:
        raise NotFoundError(
            f"The line {line} has no champion yet.",
            "Run `zeroescape retrain` with its configuration.",
        )
    return read_bundle(stores, key)
