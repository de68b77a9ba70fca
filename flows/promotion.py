"""The end of a retraining: the gate between the new bundle and the champion, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from flows import plan
from flows.settings import LineSettings
from storage.errors import ChampionChangedError, CorruptEntryError, NotFoundError
from storage.receipts import Json, Receipt
from storage.registry import Promotion
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.challenge import challenge
from tasks.contest import contestant, matched
from tasks.extract import extract
from tasks.gates import Contest, Gate, read_gate
from tasks.ingest import board_image_fingerprint
from tasks.jobs import Bundle, Measuring
from tasks.promote import promote
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers

_ATTEMPTS = 3


@dataclass(frozen=True)
class Decided:
    """A gate decision and its key; `gate` is None where the bundle is the champion already."""

    bundle: Receipt
    champion: str | None
    key: str | None
    gate: Gate | None


@dataclass(frozen=True)
class PromotionFigures:
    """What became of the bundle of this run; `last` is the promotion that the line runs on now."""

    decided: Decided
    promoted: bool
    last: Promotion | None

    def sentences(self) -> tuple[str, ...]:
        """What was decided, then every reason."""
        gate = self.decided.gate
        if gate is None:
            assert self.last is not None  # noqa: S101  # the bundle is the champion
            how = f"promotion {self.last.number}"
            return (f"This bundle is the champion already ({how}): nothing new was made.",)
        if self.promoted:
            assert self.last is not None  # noqa: S101  # promoted just now
            return (f"Promoted: the new champion is promotion {self.last.number}.", *gate.reasons)
        head = "Not promoted: the champion stays." if self.last else "Not promoted: no champion."
        return (head, *gate.reasons, self._remedy())

    def _remedy(self) -> str:
        return (
            "A person who answers for it promotes it with `zeroescape promote CONFIG --bundle "
            f"{self.decided.bundle.key[:12]} --by NAME --why TEXT`."
        )

    def for_machines(self) -> dict[str, Any]:
        """The key `promotion` of `--json`; rates are shares, names are files of the archive."""
        gate = self.decided.gate
        change = gate.false_calls if gate else None
        return {
            "promoted": self.promoted,
            "is_champion": self.promoted or gate is None,
            "champion": self.last.bundle if self.last else None,
            "number": self.last.number if self.last else None,
            "challenger": self.decided.bundle.key,
            "compared_with": self.decided.champion if gate else None,
            "gate": self.decided.key,
            "reasons": list(gate.reasons if gate else self.sentences()),
            "obstacles": list(gate.obstacles) if gate else [],
            "defects": gate.defects if gate else None,
            "lost": [one.name for one in gate.lost] if gate else [],
            "won": [one.name for one in gate.won] if gate else [],
            "unseen": [one.name for one in gate.unseen] if gate else [],
            "false_calls": asdict(change) if change else None,
        }


def decide(
    settings: LineSettings,
    stores: Stores,
    snapshot: Snapshot,
    measuring: Measuring,
    certificate: Receipt,
    workers: Workers,
    bundle: Receipt,
) -> Decided:
    """Compare the new bundle with the present champion; images that lack a measurement get one."""
    champion = stores.registry.champion(settings.line)
    if champion == bundle.key:
        return Decided(bundle, champion, None, None)
    contest = Contest(settings.line, champion, bundle.key, snapshot.number)
    notes = _measure(stores, contest, measuring, workers) if champion else ()
    receipt = challenge(stores, contest, settings.promotion, certificate, notes)
    return Decided(bundle, champion, receipt.key, read_gate(stores, receipt.key))


def decision_on(stores: Stores, line: str, decided: Decided) -> str | None:
    """Key of the decision by which the bundle stands as it does; None where it came without a gate."""
    if decided.gate is not None:
        return decided.key
    present = stores.registry.history(line)[-1]  # it is this bundle's: it is the champion
    key = present.facts.get("gate")
    kept = key is not None and stores.registry.find("gates", str(key)) is not None
    return str(key) if kept else None


def _measure(
    stores: Stores, contest: Contest, measuring: Measuring, workers: Workers
) -> tuple[str, ...]:
    """Measure what only frozen bundles can judge; returns what could not be done, in words."""
    assert contest.champion is not None  # noqa: S101  # there is one to measure with
    try:
        champion = contestant(stores, contest.champion)
    except (InputError, NotFoundError, CorruptEntryError):
        return ()  # the gate says so
    match = matched(stores, contest, champion)
    again = _stored(stores, measuring, match.for_challenger)
    if again:
        extract(stores, measuring, again, workers)
    try:
        of_champion = measuring_of(match.champion.bundle)
    except InputError:
        return (
            "The champion was certified with other code or backbone weights than today's, so it was "
            "compared on stored scores only; `inspect` refuses it.",
        )
    fresh = _stored(stores, of_champion, match.for_champion)
    if fresh:
        extract(stores, of_champion, fresh, workers)
    return ()


def measuring_of(bundle: Bundle) -> Measuring:
    """The instrument of a frozen bundle; `InputError` where it was made by other code than today's."""
    plan.refuse_other_code(bundle)
    images = board_image_fingerprint(bundle.photograph, bundle.alignment, bundle.reference)
    return Measuring(bundle.instrument, bundle.line, images, bundle.features_fingerprint)


def _stored(stores: Stores, measuring: Measuring, image_ids: Sequence[str]) -> list[str]:
    """Those that have a board image as this instrument takes it."""
    rows = stores.images(measuring.line, measuring.images_fingerprint).rows()
    return [image_id for image_id in image_ids if image_id in rows]


def settle(
    settings: LineSettings,
    stores: Stores,
    snapshot: Snapshot,
    measuring: Measuring,
    certificate: Receipt,
    workers: Workers,
    decided: Decided,
) -> PromotionFigures:
    """Promote if the gate is open; if the champion changed meanwhile, decide against the new one."""
    for attempt in range(_ATTEMPTS):
        try:
            promoted = _promoted(stores, settings.line, decided)
        except ChampionChangedError:
            if attempt == _ATTEMPTS - 1:
                raise
            decided = decide(
                settings, stores, snapshot, measuring, certificate, workers, decided.bundle
            )
        else:
            history = stores.registry.history(settings.line)
            return PromotionFigures(decided, promoted, history[-1] if history else None)
    raise AssertionError("the last attempt returns or raises")


def _promoted(stores: Stores, line: str, decided: Decided) -> bool:
    if decided.gate is None or not decided.gate.passes:
        return False
    facts: dict[str, Json] = {
        "how": "gate" if decided.champion else "first",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "gate": decided.key,
        "from": decided.champion,
        "why": " ".join(decided.gate.reasons),
    }
    promote(stores, line, decided.bundle, facts, instead_of=decided.champion)
    return True


def compared_on_stored(
    settings: LineSettings, stores: Stores, champion: str | None, bundle: str
) -> Receipt:
    """The gate decision on a bundle of an earlier run, from what is stored, without measuring anew."""
    snapshot = stores.snapshots(settings.line).latest()
    if snapshot is None:
        raise InputError(f"The line {settings.line} has no images.", "Run `zeroescape retrain`.")
    certificates = [
        one for one in stores.registry.receipts("certificates") if one.facts.get("bundle") == bundle
    ]
    newest = max(certificates, key=lambda one: str(one.facts["at"]), default=None)
    contest = Contest(settings.line, champion, bundle, snapshot.number)
    notes = ("Compared on stored scores only.",)
    found: Receipt = challenge.fn(stores, contest, settings.promotion, newest, notes)
    return found
