"""What a contamination study found, in words: a table and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.evaluations import Table


@dataclass(frozen=True)
class ContaminationFound:
    """What abnormal images among those learnt from cost one line; wall time of the whole study."""

    line: str
    found: Mapping[str, Any]
    seconds: float

    @property
    def machine_readable(self) -> dict[str, Any]:
        """All figures and the sentences."""
        told = {"sentences": self.sentences(), "seconds": self.seconds}
        return {"line": self.line, **self.found, **told}

    def table(self) -> Table:
        """One row a share: AUROC of each own score, and what the first one lost."""
        names = self.found["own_scores"]
        return Table(
            "Own scores of reconstructions that learnt from abnormal images too",
            ("abnormal", *(f"AUROC of {name.replace('_', ' ')}" for name in names), "change"),
            [self._row(one) for one in self.found["rows"]],
            f"{self.found['kind']}; judged on the same {self.found['n_normal']} normal and "
            f"{self.found['n_abnormal']} abnormal development images, none of them learnt from. In "
            "brackets 95 % limits: of other such images, not of other trainings. Change: of the first "
            "score to the first row, paired over the same images.",
        )

    def _row(self, one: Mapping[str, Any]) -> tuple[str, ...]:
        scores = [one["scores"][name] for name in self.found["own_scores"]]
        return (
            f"{one['abnormal']} of {one['training_images']}, {_percent(one)}",
            *(_limited(score["auroc"]["figure"], score["auroc"], "") for score in scores),
            "-"
            if one is self.found["rows"][0]
            else _limited(scores[0]["change"]["difference"], scores[0]["change"], "+"),
        )

    def sentences(self) -> list[str]:
        """What the largest share cost the score that the system decides by."""
        name, rows = self.found["own_scores"][0], self.found["rows"]
        first, last = rows[0]["scores"][name], rows[-1]["scores"][name]
        said = f"With {_percent(rows[0])} abnormal images in training {name.replace('_', ' ')} has "
        said += f"AUROC {first['auroc']['figure']:.3f}"
        if len(rows) == 1:
            return [f"{said}."]
        change = last["change"]
        shown = "no loss is shown" if change["high"] >= 0.0 else "a loss"
        return [
            f"{said}, with {_percent(rows[-1])} {last['auroc']['figure']:.3f}: "
            f"{_limited(change['difference'], change, '+')}, {shown}. One training each: how far two "
            "trainings on the same images differ is not in these limits."
        ]


def _percent(one: Mapping[str, Any]) -> str:
    return f"{100 * one['share']:.3g} %"


def _limited(figure: float, limits: Mapping[str, float], sign: str) -> str:
    low, high = (format(limits[name], f"{sign}.3f") for name in ("low", "high"))
    return f"{format(figure, f'{sign}.3f')} ({low} to {high})"
