"""Verb: hold rivals against fresh boards, beside what the champion's certificate says.

Every answer of the certification role is a look at it and is kept in the ledger, whoever asks.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from prefect import task

from storage.receipts import Receipt
from storage.stores import Stores
from tasks.attestation.recognition import answer_digest, keys_of
from tasks.certification.attestation import FixedThreshold, attest
from tasks.classification.operating import order_statistic
from tasks.retrying import RETRYING
from tasks.rival_trials import (
    COMPOSITE,
    Contender,
    Subject,
    committed_evaluation,
    fresh_trial,
)
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.vocabulary.errors import NoSafeThresholdError
from tasks.workers import Workers

_CONFIDENCE = 0.95


@task(name="hold rivals out", **RETRYING)
def hold_rivals_out(
    stores: Stores, subject: Subject, held_out: Labelled, champion: str, workers: Workers
) -> Receipt:
    """Commit escapes and false calls of each method on the certification role, by its name.

    A rival is fitted on all of development; its threshold is the lowest out-of-fold score of a
    defect. Each is a look at the role, kept in the ledger before any answer is seen, and all bounds
    are those of so many looks. The composite's answer is that of the `champion`'s certificate.
    """
    known = {one.settings.name: one for one in subject.contenders}
    sheets: dict[str, tuple[ScoreSheet, float] | None] = {
        name: _fresh_sheet(stores, subject, one, held_out, workers) for name, one in known.items()
    }
    sheets = {COMPOSITE: _certified(stores, champion), **sheets}
    with stores.exclusive("looks"):
        looks = 0
        for name, found in sheets.items():
            if found is not None and name != COMPOSITE:
                looks = _looked(stores, subject, known[name], *found)
        key = subject.key("held out", held_out=asdict(held_out), champion=champion, looks=looks)
        if committed := stores.registry.find("evaluations", key):
            return committed
        content = {
            "looks": looks,
            "methods": {name: _held(found, looks) for name, found in sheets.items()},
        }
        return committed_evaluation(stores, key, content)


def _fresh_sheet(
    stores: Stores, subject: Subject, one: Contender, held_out: Labelled, workers: Workers
) -> tuple[ScoreSheet, float] | None:
    """Scores of the held-out images and the threshold; None where there is no such answer."""
    trial = fresh_trial(stores, subject.arena, one, held_out.image_ids, workers)
    if trial is None or not {0, 1} <= set(held_out.labels):
        return None
    defects_P = trial.trial.scores_N[subject.arena.images.labels_N == 1]
    try:
        return ScoreSheet(held_out, trial.scores), order_statistic(defects_P, 1)
    except NoSafeThresholdError:
        return None


def _certified(stores: Stores, champion: str) -> tuple[ScoreSheet, float] | None:
    """The champion's newest certificate: the scores it was made of, and the threshold."""
    made = [
        receipt
        for receipt in stores.registry.receipts("certificates")
        if receipt.facts.get("bundle") == champion
    ]
    if not made:
        return None
    newest = max(made, key=lambda receipt: (str(receipt.facts.get("at")), receipt.key))
    folder = stores.registry.open("certificates", newest.key)
    sheet = ScoreSheet.from_json((folder / "scores.json").read_bytes())
    threshold = json.loads((folder / "certificate.json").read_bytes())["threshold"]
    return sheet, float(threshold)


def _looked(
    stores: Stores, subject: Subject, one: Contender, sheet: ScoreSheet, threshold: float
) -> int:
    """Keep one look; the same answer to the same question is the look that was kept before."""
    normal, abnormal = sheet.units()
    question = f"{FixedThreshold(threshold)!r} "
    answer = answer_digest(normal.scores_U, abnormal.scores_U, question)
    said = {
        "line": subject.arena.line,
        "rival": one.settings.name,
        "description": one.key,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return stores.looks().record(keys_of(sheet.images.image_ids), answer, said)


def _held(found: tuple[ScoreSheet, float] | None, looks: int) -> dict[str, Any] | None:
    if found is None:
        return None
    sheet, threshold = found
    normal, abnormal = sheet.units()
    rule = FixedThreshold(threshold)
    made = attest(normal.scores_U, abnormal.scores_U, rule, _CONFIDENCE, max(looks, 1))
    held = made.certificate
    return {
        "escapes": held.escapes,
        "n_abnormal": held.n_abnormal,
        "escape_rate_high": held.escape_upper,
        "false_calls": held.false_calls,
        "n_normal": held.n_normal,
        "false_call_low": held.false_call_low,
        "false_call_high": held.false_call_high,
        "threshold": threshold,
        "looks": max(looks, 1),
    }
