"""Who is champion, who was, and why: history, sign-off and rollback; starts without torch and Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.settings import LineSettings, load_settings
from storage.layout import Kind
from storage.receipts import Json, Receipt
from storage.registry import Promotion
from storage.stores import Stores
from tasks.bundles import read_bundle
from tasks.gates import (
    Gate,
    before_the_present,
    gates_of,
    newest_gate,
    read_gate,
)
from tasks.vocabulary.errors import InputError

HOW = {
    "first": "first bundle of the line",
    "gate": "by the gate",
    "signed": "signed by a person",
    "rollback": "rolled back",
}
_SHORTEST_PREFIX = 6


@dataclass(frozen=True)
class Champions:
    """All promotions of a line, oldest first, and the decisions that kept a challenger back."""

    line: str
    promotions: tuple[Promotion, ...]
    kept_back: tuple[Gate, ...]

    @property
    def rows(self) -> list[dict[str, str]]:
        """One a promotion, in words; promotions from before there was a gate say so."""
        return [
            {
                "number": str(one.number),
                "when": str(one.facts.get("at", ""))[:16].replace("T", " "),
                "bundle": one.bundle[:12],
                "how": HOW.get(str(one.facts.get("how")), "without a gate"),
                "who": str(one.facts.get("by") or ""),
                "why": str(one.facts.get("why") or ""),
            }
            for one in self.promotions
        ]

    def for_machines(self) -> dict[str, Any]:
        """Every promotion with its facts, every refusal with its obstacles."""
        return {
            "line": self.line,
            "champion": self.promotions[-1].bundle if self.promotions else None,
            "promotions": [asdict(one) for one in self.promotions],
            "kept_back": [
                {
                    "at": gate.at,
                    "challenger": gate.contest.challenger,
                    "champion": gate.contest.champion,
                    "obstacles": list(gate.obstacles),
                    "missed": list(gate.missed),
                }
                for gate in self.kept_back
            ],
        }


@dataclass(frozen=True)
class Changed:
    """A promotion that a person made; `missed` are the defects that are given up, by name."""

    number: int
    bundle: str
    missed: tuple[str, ...]
    sentences: tuple[str, ...]

    def for_machines(self) -> dict[str, Any]:
        """Number, bundle and the names that were signed for."""
        return asdict(self)


def champions_of(config: Path) -> Champions:
    """What was promoted and what was not; `InputError` where the line has no store yet."""
    settings, stores = _opened(config)
    promotions = stores.registry.history(settings.line)
    champions = {one.bundle for one in promotions}
    kept = [
        read_gate(stores, receipt.key)
        for receipt in gates_of(stores, settings.line)
        if not receipt.facts["passes"] and receipt.facts["challenger"] not in champions
    ]
    return Champions(settings.line, promotions, tuple(kept))


def signed_off(config: Path, bundle: str | None, by: str, why: str) -> Changed:
    """Promote what the gate kept back, because a person answers for it; what is given up is recorded.

    Without `bundle` it is the newest challenger that the gate kept back. Raises `InputError` without
    a name or a reason, for an unknown bundle, and for the champion itself.
    """
    _answered(by, why)
    settings, stores = _opened(config)
    champion = stores.registry.champion(settings.line)
    key = _bundle_named(stores, settings.line, bundle) if bundle else _waiting(stores, settings)
    if key == champion:
        raise InputError(f"{key[:12]} is the champion already.", "Name another bundle.")
    _whole(stores, key)
    receipt = newest_gate(stores, settings.line, champion, key)
    if receipt is None:
        # These two never met: comparing them takes torch.
        from flows.promotion import compared_on_stored

        receipt = compared_on_stored(settings, stores, champion, key)
    gate = read_gate(stores, receipt.key)
    facts: dict[str, Json] = {
        **_told("signed", by, why, champion),
        "gate": receipt.key,
        "missed": list(gate.missed),
        "obstacles": list(gate.obstacles),
    }
    # A garbage collection may have begun since.
    with stores.in_use():
        _whole(stores, key)
        number = stores.registry.promote(settings.line, key, facts, instead_of=champion)
    head = f"Promotion {number}: {key[:12]} is the champion of {settings.line}, signed by {by}."
    return Changed(number, key, gate.missed, (head, *gate.reasons, _given_up(gate.missed)))


def rolled_back(config: Path, to: int | None, by: str, why: str) -> Changed:
    """Make an earlier champion the champion again; without a number, the one before the present.

    It is a new promotion: nothing of the history is changed. Raises `InputError` without a name or
    a reason, for a number that is not there, and where a part of the bundle is gone.
    """
    _answered(by, why)
    settings, stores = _opened(config)
    history = stores.registry.history(settings.line)
    if not history:
        raise InputError(
            f"The line {settings.line} has no champion yet.", "Run `zeroescape retrain` first."
        )
    target, present = _target(history, to), history[-1]
    if target.bundle == present.bundle:
        raise InputError(
            f"Promotion {target.number} is the present champion's own bundle.",
            "Name the number of another one; `zeroescape history` lists them.",
        )
    _whole(stores, target.bundle)
    gate = newest_gate(stores, settings.line, target.bundle, present.bundle)
    missed = tuple(one.name for one in read_gate(stores, gate.key).won) if gate else ()
    facts = {
        **_told("rollback", by, why, present.bundle),
        "to": target.number,
        "missed": list(missed),
    }
    # A garbage collection may have begun since.
    with stores.in_use():
        _whole(stores, target.bundle)
        number = stores.registry.promote(settings.line, target.bundle, facts, present.bundle)
    head = (
        f"Promotion {number}: {target.bundle[:12]} (promotion {target.number}) is the champion of "
        f"{settings.line} again, by {by}."
    )
    hold = (
        f"{present.bundle[:12]} is not promoted again by itself. Later challengers are, if they pass the "
        "gate; with `promotion: {automatic: false}` none is."
    )
    return Changed(number, target.bundle, missed, (head, _given_up(missed), hold))


def _opened(config: Path) -> tuple[LineSettings, Stores]:
    settings = load_settings(config)
    if not settings.store.exists():
        raise InputError(
            f"The store {settings.store} does not exist yet.", "Run `zeroescape retrain` first."
        )
    return settings, Stores(settings.store)


def _answered(by: str, why: str) -> None:
    if not by.strip() or not why.strip():
        raise InputError(
            "Nobody answers for it.", "Give your name with --by and a reason with --why."
        )


def _told(how: str, by: str, why: str, champion: str | None) -> dict[str, Json]:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"how": how, "by": by.strip(), "why": why.strip(), "at": at, "from": champion}


def _given_up(missed: Sequence[str]) -> str:
    if not missed:
        return "No known defect that was caught before is given up."
    return f"Known defects that are or may be missed from now on: {', '.join(missed)}."


def _bundle_named(stores: Stores, line: str, asked: str) -> str:
    """The one bundle of the line whose key begins like that."""
    own = [one.key for one in stores.registry.receipts("bundles") if _is_of(one, line)]
    found = [key for key in own if key.startswith(asked)]
    if len(asked) < _SHORTEST_PREFIX or len(found) != 1:
        raise InputError(
            f"{asked!r} names {len(found)} bundles of {line}.",
            f"Give at least {_SHORTEST_PREFIX} characters; `zeroescape history` lists them.",
        )
    return found[0]


def _is_of(bundle: Receipt, line: str) -> bool:
    return bundle.facts.get("line") == line


def _waiting(stores: Stores, settings: LineSettings) -> str:
    """The newest challenger, if the gate kept it back."""
    gates = gates_of(stores, settings.line)
    if not gates or gates[-1].facts["passes"]:
        raise InputError(
            f"No challenger of {settings.line} waits for a person.",
            "Name one with --bundle; `zeroescape history` lists them.",
        )
    return str(gates[-1].facts["challenger"])


def _target(history: Sequence[Promotion], to: int | None) -> Promotion:
    if to is None:
        found = before_the_present(history)
        remedy = "There is nothing to roll back to."
    else:
        found = next((one for one in history if one.number == to), None)
        remedy = f"Name one of 1 to {history[-1].number}; `zeroescape history` lists them."
    if found is None:
        what = f"There is no {'earlier promotion' if to is None else f'promotion {to}'}."
        raise InputError(what, remedy)
    return found


def _whole(stores: Stores, key: str) -> None:
    """Raise `InputError` unless everything that inspects together is still stored."""
    parts = read_bundle(stores, key)
    needed: list[tuple[Kind, str | None]] = [
        ("models", parts.instrument.model_key),
        ("masks", parts.instrument.mask_key),
        ("scales", parts.instrument.scales_key),
        ("memories", parts.instrument.memory_key),
        ("references", parts.reference),
        ("classifiers", parts.classifier),
        ("thresholds", parts.threshold_key),
    ]
    for kind, part in needed:
        if part is not None and stores.registry.find(kind, part) is None:
            raise InputError(
                f"The bundle {key[:12]} is incomplete: {kind}/{part} is gone.",
                "Restore it from a backup, or name another bundle.",
            )
