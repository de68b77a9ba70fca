"""What the section on the promotion shows, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class JudgedDefectRow:
    """One known defect by name, with the score and the threshold of each bundle; None without a score."""

    name: str
    champion_score: float | None
    champion_threshold: float
    challenger_score: float | None
    challenger_threshold: float


@dataclass(frozen=True)
class DefectGroup:
    """Defects on which champion and challenger differ, or may differ, and what that is called."""

    heading: str
    tone: Literal["good", "bad", "caution"]
    defects: tuple[JudgedDefectRow, ...]


@dataclass(frozen=True)
class PromotionContent:
    """What the gate decided on the bundle of the report, and why; `compared_with` is '' without a champion.

    The decision, not what came of it: a champion may be promoted, or a person may sign, afterwards.
    """

    opens: bool
    decided_at: str
    compared_with: str
    reasons: tuple[str, ...]
    groups: tuple[DefectGroup, ...] = ()

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        if self.opens:
            return (
                "The gate opens: this bundle may take the champion's place."
                if self.compared_with
                else "The gate opens: the line has no champion yet, and this bundle may be the first."
            )
        return (
            "The gate stays shut: the champion stays until a person decides otherwise."
            if self.compared_with
            else "The gate stays shut: the line has no champion until a person decides otherwise."
        )
