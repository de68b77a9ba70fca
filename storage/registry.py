"""Artefacts by content key: models, masks, classifiers, thresholds, bundles, reports; champions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from storage.arrays import corrupt
from storage.errors import ChampionChangedError, InvalidEntryError, NotFoundError, translated
from storage.fingerprints import content_digest
from storage.fingerprints import fingerprint as fingerprint_of
from storage.layout import Kind, artefact_entry, champions, valid_file_name, valid_kind
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects
from storage.receipts import Json, Receipt, ReceiptBook, find_receipt, write_entry


class AnyChampion(Enum):
    """Says that a promotion was compared with no particular champion."""

    ANY = "any"


ANY_CHAMPION = AnyChampion.ANY


@dataclass(frozen=True)
class Promotion:
    """One promotion of a line: its number, the bundle, and who or why."""

    number: int
    bundle: str
    facts: Mapping[str, Json] = field(default_factory=dict)


class Registry:
    """Artefacts are folders of files; what is stored under a key never changes."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def put(
        self,
        kind: Kind,
        key: str,
        content: Path | Mapping[str, bytes],
        fingerprint: str = "",
        inputs: Mapping[str, str] | None = None,
        facts: Mapping[str, Json] | None = None,
    ) -> Receipt:
        """Store a local folder or named files; a second writer of the same key changes nothing.

        The receipt's digest is that of the names and contents of the files. InvalidEntryError if
        there are none.
        """
        entry = artefact_entry(kind, key)
        files = _files(content)
        digests: dict[str, Json] = {}

        def write(location: str) -> None:
            for name, data in files.items():
                self._objects.put(f"{location}/{name}", data)

        for name, data in sorted(files.items()):
            digests[name] = content_digest(data)
        receipt = Receipt(
            kind=kind,
            key=key,
            location="",
            rows=(),
            digest=fingerprint_of(digests),
            fingerprint=fingerprint,
            inputs=dict(inputs or {}),
            facts={**(facts or {}), "files": digests},
        )
        return write_entry(self._objects, entry, receipt, write)

    def find(self, kind: Kind, key: str) -> Receipt | None:
        """Receipt of an artefact, None where nothing is committed."""
        return find_receipt(self._objects, artefact_entry(kind, key))

    def receipts(self, kind: Kind) -> list[Receipt]:
        """All artefacts of a kind, in the order of their keys."""
        return ReceiptBook(self._objects, valid_kind(kind)).receipts()

    def open(self, kind: Kind, key: str) -> Path:
        """Local folder to read the files from, each compared with its digest just now.

        It is the stored folder itself where the store is local: read only. From an object store
        the files are fetched to a new temporary folder, which is the caller's to remove.
        NotFoundError if nothing is committed, CorruptEntryError if a file is gone or has changed.
        """
        receipt = self.find(kind, key)
        if receipt is None:
            raise NotFoundError(
                f"There is no {artefact_entry(kind, key)} in the registry.", "Make it first."
            )
        folder = self._folder_of(receipt)
        digests: Any = receipt.facts["files"]
        for name, digest in digests.items():
            path = f"{receipt.location}/{name}"
            try:
                with translated(f"reading {path}"):
                    content = (folder / name).read_bytes()
            except NotFoundError as error:
                raise corrupt(path, "the file is gone") from error
            if content_digest(content) != digest:
                raise corrupt(path, "it has changed since it was written")
        return folder

    def champion(self, line: str) -> str | None:
        """Key of the bundle that the line runs on, None if none was ever promoted."""
        last = self._promotions(line).last()
        return None if last is None else _promotion(last).bundle

    def promote(
        self,
        line: str,
        bundle_key: str,
        facts: Mapping[str, Json] | None = None,
        instead_of: str | AnyChampion | None = ANY_CHAMPION,
    ) -> int:
        """Make a bundle the line's champion; returns the number of the promotion.

        Promoting the present champion again changes nothing and returns its number. Going back to
        an earlier bundle is a new promotion. `instead_of` is the champion that was compared with
        (None: there was none); ChampionChangedError if by now it is another one. NotFoundError if
        the bundle is not committed.
        """
        if self.find("bundles", bundle_key) is None:
            raise NotFoundError(f"There is no bundle {bundle_key}.", "Store it, then promote it.")
        promotions = self._promotions(line)

        def present(numbers: list[int]) -> Record | None:
            last = promotions.record(numbers[-1]) if numbers else None
            champion = _promotion(last).bundle if last else None
            if last and champion == bundle_key:
                return last
            if instead_of is not ANY_CHAMPION and champion != instead_of:
                raise ChampionChangedError(
                    f"The champion of {line} has changed since it was compared with.",
                    "Compare with the present one; `zeroescape history` names it.",
                )
            return None

        content = {"bundle": bundle_key, "facts": dict(facts or {})}
        return promotions.append(content, present).number

    def history(self, line: str) -> tuple[Promotion, ...]:
        """All promotions of a line, the first one first."""
        promotions = self._promotions(line)
        return tuple(_promotion(promotions.record(number)) for number in promotions.numbers())

    def _promotions(self, line: str) -> NumberedFiles:
        return NumberedFiles(self._objects, champions(line))

    def _folder_of(self, receipt: Receipt) -> Path:
        if self._objects.local_root is not None:
            return self._objects.local_path(receipt.location)
        folder = Path(tempfile.mkdtemp(prefix=f"{receipt.kind}-"))
        self._objects.fetch_folder(receipt.location, folder)
        return folder


def _promotion(record: Record) -> Promotion:
    return Promotion(record.number, record.content["bundle"], record.content["facts"])


def _files(content: Path | Mapping[str, bytes]) -> dict[str, bytes]:
    if isinstance(content, Path):
        with translated(f"reading {content}"):
            files = {
                path.relative_to(content).as_posix(): path.read_bytes()
                for path in sorted(content.rglob("*"))
                if path.is_file()
            }
    else:
        files = dict(content)
    if not files:
        raise InvalidEntryError("An artefact without files.", "Give at least one file.")
    return {valid_file_name(name): data for name, data in files.items()}
