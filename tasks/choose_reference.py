"""Verb: choose, once per product line, what all photographs are registered to."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import cast

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.alignment.reference import build_reference, reference_files
from tasks.alignment.settings import NoAlignment, RegisteringSettings
from tasks.archive.decoding import UnusablePhotographError, decode
from tasks.archive.reading import read_photograph
from tasks.archive.relabels import read_relabels
from tasks.archive.roles import Role, groups_of
from tasks.archive.settings import PhotographSettings
from tasks.archive.sources import Photograph, photographs
from tasks.jobs import IngestJob
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers


@task(name="choose reference", **RETRYING)
def choose_reference(stores: Stores, job: IngestJob, workers: Workers) -> Receipt | None:
    """Commit the golden board, or the median of some normals; None where cameras deliver aligned images.

    It is chosen once and kept while images come and go, because another reference would be another
    product line: every board image and all that was learnt from them would be made anew. What the relabel
    file calls no normal is left out. Raises `InputError` where the golden board is not in the archive, no
    normal photograph can be used or the relabel file cannot be read.
    """
    alignment = job.alignment
    if isinstance(alignment, NoAlignment):
        return None
    key = _reference_key(job)
    if committed := stores.registry.find("references", key):
        return committed
    report_progress("reference", 0, 1)
    names, doubted = read_relabels(job.relabels, job.source).no_normals
    found = [one for one in photographs(job.source) if one.name not in names]
    chosen = _chosen(found, alignment, job.roles.group_by)
    receipt = workers.run(partial(_build, stores, job, alignment, key, chosen, doubted))
    report_progress("reference", 1, 1, f"{len(cast('list[str]', receipt.facts['boards']))} boards")
    return receipt


def _reference_key(job: IngestJob) -> str:
    return fingerprint(
        {
            "line": job.line,
            "photograph": job.photograph.model_dump(mode="json"),
            # Limits judge board images, they do not make them.
            "alignment": job.alignment.model_dump(mode="json", exclude={"limits"}),
            "code": code_digest(
                "tasks.alignment", "tasks.archive.decoding", "tasks.archive.wholeness"
            ),
        }
    )


def _chosen(
    found: Sequence[Photograph], alignment: RegisteringSettings, group_by: Sequence[str]
) -> list[Photograph]:
    """The golden board, or all normals in the order in which they are tried: oldest first."""
    golden = alignment.reference.golden
    normals = [photograph for photograph in found if photograph.label == "normal"]
    if golden is not None:
        named = [photograph for photograph in normals if photograph.name == golden]
        if not named:
            raise InputError(
                f"The golden board {golden} is not among the normal photographs of the archive.",
                "Correct alignment.reference.golden: the path of a normal below the archive.",
            )
        return named
    beside_defects = {
        group
        for photograph in found
        if photograph.label == "abnormal"
        for group in groups_of(photograph.facts, group_by)
    }
    # What the reference saw may only train, and an abnormal board of the same panel then serves nothing.
    apart = [n for n in normals if not groups_of(n.facts, group_by) & beside_defects]
    return sorted(
        apart or normals, key=lambda one: (one.facts.captured_at or "", _shuffled(one.name))
    )


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _build(
    stores: Stores,
    job: IngestJob,
    alignment: RegisteringSettings,
    key: str,
    tried: list[Photograph],
    doubted: tuple[str, ...],
) -> Receipt:
    wanted = 1 if alignment.reference.golden is not None else alignment.reference.median_of
    used: list[str] = []
    roles = stores.role_book(job.line, job.roles_fingerprint).known()
    # A line that was not registered before has roles already: what certifies must stay unseen.
    serving = {one for one, (_, role) in roles.items() if role != Role.RECONSTRUCTION}
    usable = _usable(tried, job.photograph, wanted, serving, used, doubted)
    reference = build_reference(usable, alignment)
    return stores.registry.put(
        "references", key, reference_files(reference), facts={"boards": sorted(used)}
    )


def _usable(
    tried: Sequence[Photograph],
    expected: PhotographSettings,
    wanted: int,
    serving: Collection[str],
    used: list[str],
    doubted: tuple[str, ...] = (),
) -> Iterator[UInt8Array]:
    """Decode photographs, one in memory at a time, until `wanted` were; `used` collects their digests.

    Those that are `serving` another role than training are left out, and those whose digest begins with
    one that is `doubted`.
    """
    for photograph in tried:
        if len(used) == wanted:
            return
        try:
            content = read_photograph(photograph)
            decoded = decode(content, expected)
        except (ConnectionError, TimeoutError):
            raise
        except (OSError, UnusablePhotographError):
            continue  # ingest reads it again and quarantines it with the reason
        digest = hashlib.sha256(content).hexdigest()
        if digest not in serving and digest not in used and not digest.startswith(doubted):
            used.append(digest)
            yield decoded
