"""Gate decisions and promotions as they are kept: light to import, read by flows and by commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from storage.receipts import Receipt
from storage.registry import Promotion
from storage.stores import Stores
from tasks.gating.decision import JudgedDefect
from tasks.gating.paired import PairedChange
from tasks.reporting.promotion_content import DefectGroup, JudgedDefectRow, PromotionContent
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class Contest:
    """Which bundle challenges which, by keys, on the images of which snapshot; None: no champion yet."""

    line: str
    champion: str | None
    challenger: str
    snapshot: int


@dataclass(frozen=True)
class Gate:
    """What the gate found and decided; `defects` and `false_calls` are None where nothing was compared.

    `lost`, `won` and `unseen` are defects by name, see `tasks.gating.decision.Comparison`.
    """

    contest: Contest
    at: str
    passes: bool
    reasons: tuple[str, ...]
    obstacles: tuple[str, ...]
    defects: int | None = None
    false_calls: PairedChange | None = None
    lost: tuple[JudgedDefect, ...] = ()
    won: tuple[JudgedDefect, ...] = ()
    unseen: tuple[JudgedDefect, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """Names of the defects that a promotion gives up, or may give up: a person signs for them."""
        return tuple(defect.name for defect in (*self.lost, *self.unseen))


def shown_gate(gate: Gate) -> PromotionContent:
    """The decision as the report shows it."""
    groups = (
        DefectGroup("Caught by the champion, missed by this bundle", "bad", _rows(gate.lost)),
        DefectGroup("A loss cannot be excluded", "caution", _rows(gate.unseen)),
        DefectGroup("Missed by the champion, caught by this bundle", "good", _rows(gate.won)),
    )
    return PromotionContent(
        opens=gate.passes,
        decided_at=gate.at,
        compared_with=gate.contest.champion or "",
        reasons=gate.reasons,
        groups=tuple(group for group in groups if group.defects),
    )


def _rows(defects: Sequence[JudgedDefect]) -> tuple[JudgedDefectRow, ...]:
    return tuple(
        JudgedDefectRow(
            one.name,
            one.champion_score,
            one.champion_threshold,
            one.challenger_score,
            one.challenger_threshold,
        )
        for one in defects
    )


GATES: TypeAdapter[Gate] = TypeAdapter(Gate)


def read_gate(stores: Stores, key: str) -> Gate:
    """The gate decision of a key, verified by its digest."""
    content = (stores.registry.open("gates", key) / "gate.json").read_bytes()
    try:
        return GATES.validate_json(content)
    except ValidationError as error:
        raise InputError(
            f"The gate decision {key} was written by another version of zeroescape.",
            "Run `zeroescape retrain`, which compares anew.",
        ) from error


def gates_of(stores: Stores, line: str) -> list[Receipt]:
    """All gate decisions of a line, the oldest first."""
    found = [one for one in stores.registry.receipts("gates") if one.facts.get("line") == line]
    return sorted(found, key=lambda one: (str(one.facts["at"]), one.key))


def newest_gate(stores: Stores, line: str, champion: str | None, challenger: str) -> Receipt | None:
    """The newest decision on this pair, None where the two never met."""
    wanted = (champion, challenger)
    met = [
        one
        for one in gates_of(stores, line)
        if (one.facts["champion"], one.facts["challenger"]) == wanted
    ]
    return met[-1] if met else None


def refusal_of(history: Sequence[Promotion], bundle: str) -> str | None:
    """Who rolled back from this bundle and why, in words; None unless that is the last word on it.

    A nightly makes the same bundle again as long as nothing is new; it must not undo a person's decision.
    """
    for promotion in reversed(history):
        facts = promotion.facts
        if facts.get("how") == "rollback" and facts.get("from") == bundle:
            return (
                f"{facts.get('by')} rolled back from this very bundle on "
                f"{str(facts.get('at'))[:10]} ({facts.get('why')}): only a person promotes it again."
            )
        if promotion.bundle == bundle:
            return None
    return None


def before_the_present(history: Sequence[Promotion]) -> Promotion | None:
    """The promotion that a rollback without a number restores; None where there is none earlier.

    A second rollback goes further back, not forth again: what a rollback restored counts as what it was.
    """
    if not history:
        return None
    numbered = {promotion.number: promotion for promotion in history}
    present = _restored(history[-1], numbered)
    earlier = [one for one in history if one.number < present.number]
    for promotion in reversed(earlier):
        if promotion.bundle != present.bundle:
            return promotion
    return None


def _restored(promotion: Promotion, numbered: dict[int, Promotion]) -> Promotion:
    """What a rollback brought back, through however many rollbacks; any other promotion is itself."""
    while promotion.facts.get("how") == "rollback":
        earlier = numbered.get(int(str(promotion.facts["to"])))
        if earlier is None or earlier.number >= promotion.number:
            return promotion
        promotion = earlier
    return promotion
