"""Verb: hold a challenger against the present champion, and keep the decision with its reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from prefect import task

from storage.errors import CorruptEntryError, NotFoundError
from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Json, Receipt
from storage.stores import Stores
from tasks.contest import Match, compared, contestant, matched
from tasks.gates import GATES, Contest, Gate, refusal_of
from tasks.gating.decision import Comparison, decided
from tasks.gating.settings import GateSettings
from tasks.retrying import RETRYING
from tasks.vocabulary.errors import InputError

SUSPENDED = (
    "The champion's certificate is suspended, so that every board goes to a person: whether another bundle "
    "may pass boards of today is for a person to say."
)
FIRST = "The line has no champion yet: there is nothing to compare with."


@task(name="challenge", **RETRYING)
def challenge(
    stores: Stores,
    contest: Contest,
    promotion: GateSettings,
    certificate: Receipt | None,
    notes: Sequence[str] = (),
) -> Receipt:
    """Commit whether the challenger may replace the champion; it changes nothing else.

    Both are compared on images of the development role, each in scores that it was not fitted on (see
    `tasks.contest`) and at its own frozen threshold. That threshold was set on the defects of the
    role, so 'no defect lost' is a proof only for defects that were new to one of the two; false
    calls are judged by normals that set no threshold.

    Verdicts on the certification role decide nothing here, with one exception that the line's owner
    asks for: with a contract (`promotion.escape_rate`) the certified bound is read. One bit of the
    certification set then takes part in choosing the champion. The bound pays for it: each
    certificate is a look that the ledger counts, and with r looks each is held to δ / r, so that it
    holds for whichever of the r bundles is chosen. Without a contract the certificate is not opened.

    `notes` say what could not be measured anew. A champion that cannot be read is an obstacle, no error;
    for the challenger it raises as `tasks.contest.contestant` does.
    """
    match, objections = _matched(stores, contest)
    if refusal := refusal_of(stores.registry.history(contest.line), contest.challenger):
        objections.append(refusal)
    champion = contest.champion
    if champion and stores.suspensions(contest.line).suspended(champion) is not None:
        objections.append(SUSPENDED)
    bound_by = certificate if promotion.escape_rate is not None else None
    asked: dict[str, Json] = {
        "objections": objections,
        "notes": list(notes),
        "measured": _measured(stores, match),
    }
    key = _key(contest, promotion, bound_by, asked)
    if committed := stores.registry.find("gates", key):
        return committed
    comparison = compared(stores, match, promotion.confidence) if match else None
    found = decided(promotion, comparison, _escape_upper(stores, bound_by), objections)
    told = notes if contest.champion else (FIRST, *notes)
    gate = _gate(contest, comparison, (*found.reasons, *told), found.obstacles)
    return stores.registry.put(
        "gates", key, {"gate.json": GATES.dump_json(gate, indent=1)}, facts=_facts(gate)
    )


def _matched(stores: Stores, contest: Contest) -> tuple[Match | None, list[str]]:
    """The images to compare on; a champion that cannot be read any more is a person's decision.

    To fail here would keep the line from ever being retrained.
    """
    if contest.champion is None:
        return None, []
    try:
        champion = contestant(stores, contest.champion)
    except (InputError, NotFoundError, CorruptEntryError) as error:
        what = error.what.rstrip(".")
        return None, [f"The champion cannot be read, so nothing was compared: {what}."]
    return matched(stores, contest, champion), []


def _key(
    contest: Contest,
    promotion: GateSettings,
    bound_by: Receipt | None,
    asked: Mapping[str, Json],
) -> str:
    return fingerprint(
        {
            "contest": [contest.line, contest.champion, contest.challenger, contest.snapshot],
            "promotion": promotion.model_dump(mode="json"),
            "certificate": bound_by.key if bound_by else None,
            "code": code_digest("tasks.gating", "tasks.contest", "tasks.challenge"),
            **asked,
        }
    )


def _measured(stores: Stores, match: Match | None) -> list[list[str]]:
    """Images of both kinds that frozen bundles can be asked about: they decide what is compared."""
    found: list[list[str]] = []
    if match is None:
        return found
    for asked, ids in (
        (match.champion, match.for_champion),
        (match.challenger, match.for_challenger),
    ):
        made_by = asked.bundle.line, asked.bundle.features_fingerprint
        missing = set(stores.features(*made_by).missing(ids))
        found.append([image_id for image_id in ids if image_id not in missing])
    return found


def _escape_upper(stores: Stores, certificate: Receipt | None) -> float | None:
    """The certified bound on escapes at the confidence of the certificate, over all looks so far."""
    if certificate is None:
        return None
    folder = stores.registry.open("certificates", certificate.key)
    return float(json.loads((folder / "certificate.json").read_bytes())["escape_upper"])


def _gate(
    contest: Contest,
    comparison: Comparison | None,
    reasons: tuple[str, ...],
    obstacles: tuple[str, ...],
) -> Gate:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    gate = Gate(contest, at, not obstacles, reasons, obstacles)
    if comparison is None:
        return gate
    return replace(
        gate,
        defects=comparison.defects,
        false_calls=comparison.false_calls,
        lost=comparison.lost,
        won=comparison.won,
        unseen=comparison.unseen,
    )


def _facts(gate: Gate) -> dict[str, Json]:
    return {
        "line": gate.contest.line,
        "champion": gate.contest.champion,
        "challenger": gate.contest.challenger,
        "passes": gate.passes,
        "at": gate.at,
        "obstacles": list(gate.obstacles),
    }
