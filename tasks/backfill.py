"""Verb: ask two frozen bundles about the past of a line, and keep what they say side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.backfilling.wanted import Wanted
from tasks.bundles import read_bundle
from tasks.hindsight import figures_of, side_by_side
from tasks.jobs import IngestJob
from tasks.judging import Judging, Opinion
from tasks.past import COMPARISON, Judge, learned_from, past_of
from tasks.retrying import RETRYING
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers


@dataclass(frozen=True)
class Asked:
    """A bundle by its key, and the fingerprint of the board images that it measures with today's code.

    None where today's code or weights would measure otherwise: then only what is stored counts.
    """

    key: str
    images_fingerprint: str | None


@task(name="backfill", **RETRYING)
def backfill(
    stores: Stores,
    job: IngestJob,
    wanted: Wanted,
    champion: Asked,
    challenger: Asked,
    workers: Workers,
    images_per_second: float | None = None,
) -> Receipt:
    """Commit the comparison of two bundles over all boards of the past that are wanted.

    What is not measured yet is measured, partition by partition, and committed under each bundle's own
    fingerprint: a killed backfill goes on, a second one is a look-up. Nothing that a nightly reads is
    changed: no role, no quarantine entry, no promotion; a file that no ingest has seen gets a board
    image, which the next ingest finds. Where both are the same bundle it is compared with itself.
    Raises `InputError` where no board is wanted, and where a bundle of other code has measured none.
    """
    past = past_of(stores, job, wanted)
    judges = {one.key: _judge(stores, one, past.snapshot) for one in (champion, challenger)}
    opinions: dict[str, list[Opinion]] = {}
    for key, judge in judges.items():
        judging = Judging(stores, judge, past.boards, workers, images_per_second)
        opinions[key] = judging.opinions("champion" if key == champion.key else "challenger")
        _refuse_silent(judge, opinions[key])
    asked = [(judges[one.key], opinions[one.key]) for one in (champion, challenger)]
    found = side_by_side(past, asked[0], asked[1])
    content = {
        "line": job.line,
        "champion": _told(stores, judges[champion.key]),
        "challenger": _told(stores, judges[challenger.key]),
        **figures_of(found, past, wanted),
    }
    return _committed(stores, content)


def _committed(stores: Stores, content: dict[str, Any]) -> Receipt:
    key = fingerprint({"comparison": content, "code": code_digest("tasks.hindsight")})
    if committed := stores.registry.find("backfills", key):
        return committed
    inputs = {name: content[name]["bundle"] for name in ("champion", "challenger")}
    facts = {
        "line": content["line"],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    files = {COMPARISON: json.dumps(content, indent=1, allow_nan=False).encode()}
    return stores.registry.put("backfills", key, files, inputs=inputs, facts=facts)


def _judge(stores: Stores, asked: Asked, snapshot: Snapshot) -> Judge:
    bundle = read_bundle(stores, asked.key)
    certificates = stores.registry.receipts("certificates")
    return Judge(
        asked.key,
        bundle,
        asked.images_fingerprint,
        learned_from(stores, asked.key, bundle, snapshot),
        any(receipt.facts.get("bundle") == asked.key for receipt in certificates),
    )


def _refuse_silent(judge: Judge, opinions: list[Opinion]) -> None:
    if judge.images_fingerprint is None and not any(one.is_askable for one in opinions):
        raise InputError(
            f"The bundle {judge.key[:12]} was made with other code or backbone weights, and none of "
            "these boards was measured with them.",
            "Run `zeroescape retrain`, which makes a bundle of today's code; or name another with "
            "--model.",
        )


def _told(stores: Stores, judge: Judge) -> dict[str, Any]:
    """What names a bundle to a person."""
    numbers = [
        one.number for one in stores.registry.history(judge.bundle.line) if one.bundle == judge.key
    ]
    classifier = stores.registry.find("classifiers", judge.bundle.classifier)
    return {
        "bundle": judge.key,
        "promotion": numbers[-1] if numbers else None,
        "classifier": str(classifier.facts["chosen"]) if classifier else "",
        "threshold": judge.bundle.threshold,
        "other_code": judge.images_fingerprint is None,
        "certified": judge.certified,
    }
