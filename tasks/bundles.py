"""Reading frozen bundles: what belongs together at inspection is only ever read together."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from storage.errors import NotFoundError
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.jobs import Bundle
from tasks.score_sheet import ScoreSheet
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
    return read_bundle(stores, champion_key(stores, line))


def champion_key(stores: Stores, line: str) -> str:
    """Key of the line's champion; raises `NotFoundError` where none was promoted yet."""
    key = stores.registry.champion(line)
    if key is None:
        raise NotFoundError(
            f"The line {line} has no champion yet.",
            "Run `zeroescape retrain` with its configuration.",
        )
    return key


def out_of_fold_sheet(stores: Stores, classifier: Receipt, kind: str) -> ScoreSheet:
    """Out-of-fold scores of one member of the classification union on the development role."""
    folder = stores.registry.open("classifiers", classifier.key) / "out-of-fold"
    return ScoreSheet.from_json((folder / f"{kind}.json").read_bytes())
