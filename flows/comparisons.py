"""What a comparison says: figures for machines, rows for tables, sentences for people.

Legend: a rate is a share of images, shown in percent.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flows.evaluations import Table
from tasks.reporting.comparison_page import ComparisonContent

COMPOSITE = "composite"
TRAINING = "training_seconds"
"""Figure of a method of a system: how long its reconstruction trained; None where its model tells none."""
PSNR = "psnr_db"
MEAN_IMAGE_PSNR = "mean_image_psnr_db"
"""Of a method of a system: PSNR on unseen normals, of its reconstruction and of their mean image alone."""


@dataclass(frozen=True)
class Comparison:
    """What was found on development (`found`) and on certification (`held`; None: not looked at).

    `without_pro` says why no method has a PRO, None where they have.
    """

    line: str
    title: str
    configuration: str
    found: Mapping[str, Any]
    held: Mapping[str, Any] | None
    without_pro: str | None
    seconds: float
    workers: int

    @property
    def methods(self) -> list[dict[str, Any]]:
        """Figures of every method, the composite first."""
        held = self.held["methods"] if self.held else {}
        return [one | {"certification": held.get(one["name"])} for one in self.found["methods"]]

    @property
    def machine_readable(self) -> dict[str, Any]:
        """All figures, and the sentences."""
        counts = ("folds", "repeats", "n_normal", "n_abnormal", "n_groups", "unanswered")
        return {
            "line": self.line,
            "configuration": self.configuration,
            **{name: self.found[name] for name in counts},
            "looks": self.held["looks"] if self.held else None,
            "methods": self.methods,
            "sentences": self.sentences(),
            "seconds": self.seconds,
            "workers": self.workers,
        }

    def page(self) -> ComparisonContent:
        """What the HTML page shows."""
        return ComparisonContent(
            title=self.title,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            figures=self.machine_readable,
            standings={one["name"]: standing(one) for one in self.methods},
        )

    def csv(self) -> str:
        """One row a method, a column for each figure."""
        rows = [_flat(one) for one in self.methods]
        text = io.StringIO()
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def tables(self, between: str = "\n") -> list[Table]:
        """One row a method in each: who is ahead, what escapes cost, held out and costs.

        `between` stands between a figure and its limits.
        """
        found, methods = self.found, self.methods
        steps = [f"at {100 * float(step):g} %" for step in methods[0]["fpr_at_fn"]]
        groups = f" in {found['n_groups']} groups" if found["n_groups"] else ""
        return [
            Table(
                f"{self.line}: rivals in {found['repeats']} x {found['folds']} outer folds",
                ("method", "AUROC", "minus composite", "PRO", "STD", "ZFN"),
                [_standing_row(one, between) for one in methods],
                f"{found['n_normal']} normal and {found['n_abnormal']} abnormal images{groups}. "
                "AUROC with 95 % limits; minus composite: paired on the same images. STD, ZFN: accuracy "
                "in percent at the ordinary cut and at the training parts' zero-escape threshold.",
            ),
            Table(
                "What escapes cost",
                ("method", *steps),
                [_price_row(one, between) for one in methods],
                "False calls in percent at thresholds that miss so many defects of a training part, and "
                f"the fresh defects missed of {methods[0]['fpr_at_fn']['0']['n_abnormal']}; means over "
                "repeats.",
            ),
            self._costs_table(),
            *self._families_table(between),
        ]

    def _costs_table(self) -> Table:
        """Held out, time and memory; of systems, which nothing is held out from, their training."""
        costs = "One image on one core. Kept: without the backbone's weights; at peak: the whole process."
        if TRAINING in self.methods[0]:
            return Table(
                "Costs",
                ("method", "training s", "PSNR", "ms an image", "MB kept", "MB at peak"),
                [
                    (one["name"], _training(one), _redrawn(one), *_costs(one))
                    for one in self.methods
                ],
                "Training: wall time of the reconstruction on the machine that trained it. PSNR, dB: of "
                f"unseen normals as it redraws them, and of their mean image alone. {costs}",
            )
        return Table(
            "Held out, and costs",
            ("method", "escapes", "false calls", "ms an image", "MB kept", "MB at peak"),
            [(one["name"], *_held_out(one), *_costs(one)) for one in self.methods],
            f"On the certification role; '-': not looked at. {costs}",
        )

    def _families_table(self, between: str) -> list[Table]:
        """Defects caught by family; nothing where no family is known."""
        families = self.methods[0]["families"]
        if not families:
            return []
        return [
            Table(
                "Defects by family: F1 and recall",
                (
                    "method",
                    *(f"{name.replace('_', ' ')} {one['n']}" for name, one in families.items()),
                    "precision",
                ),
                [_family_row(one, between) for one in self.methods],
                "At the ordinary decision: one half of a probability, else the training part's cut with "
                "the best F1. Recall of the family in percent; precision, in percent, of all that the "
                "method flags; F1 of both. After each family its defects.",
            )
        ]

    def sentences(self) -> list[str]:
        """Whether the composite is ahead, of whom, and by how much."""
        ours, *rivals = self.methods
        said = [
            f"{ours['name'][0].upper()}{ours['name'][1:]}: "
            f"AUROC {_limits(ours['auroc'], ours['auroc_low'], ours['auroc_high'])}, "
            f"STD accuracy {_percent(ours['std_accuracy'])} %, {_price(ours, '0')}."
        ]
        if rivals:
            said += [_best_sentence(rivals), _count_sentence(rivals)]
            said += _hindsight_sentences(rivals)
        if self.without_pro:
            said.append(f"No PRO: {self.without_pro}")
        if self.held:
            said.append(
                f"The certification role has been looked at {self.held['looks']} times by now; every "
                "bound on it holds over so many looks."
            )
        return said


def standing(one: Mapping[str, Any]) -> str:
    """How a rival stands to the composite: 'ahead', 'behind', 'level'; '' for the composite."""
    paired = one["paired"]
    if paired is None:
        return ""
    return "ahead" if paired["low"] > 0 else "behind" if paired["high"] < 0 else "level"


def signed(value: float) -> str:
    """A difference with its sign, three digits."""
    return f"{value:+.3f}".replace("-", "\u2212")


def _best_sentence(rivals: list[dict[str, Any]]) -> str:
    best = max(rivals, key=lambda one: one["auroc"])
    paired, words = best["paired"], {
        "ahead": "is better than the composite",
        "behind": "is worse than the composite",
        "level": "cannot be told from the composite",
    }  # fmt: skip
    return (
        f"The best rival by AUROC, {best['name']} ({best['auroc']:.3f}), {words[standing(best)]}: "
        f"paired difference {_limits(paired['difference'], paired['low'], paired['high'], signed)}."
    )


def _count_sentence(rivals: list[dict[str, Any]]) -> str:
    counted = dict.fromkeys(("behind", "level", "ahead"), 0)
    for one in rivals:
        counted[standing(one)] += 1
    return (
        f"Of {len(rivals)} rivals {counted['behind']} are behind, {counted['level']} level, "
        f"{counted['ahead']} ahead of the composite by AUROC (95 % limits of each pair alone)."
    )


def _hindsight_sentences(rivals: list[dict[str, Any]]) -> list[str]:
    """Who flags fewer normals at 2 % escapes, where that many defects may escape."""
    known = [one for one in rivals if "0.02" in (one["paired_false_calls"] or {})]
    if not known:
        return []
    best = min(known, key=lambda one: one["paired_false_calls"]["0.02"]["difference"])
    gap = best["paired_false_calls"]["0.02"]
    spans = tuple(100 * gap[name] for name in ("difference", "low", "high"))
    return [
        f"At 2 % escapes in hindsight {best['name']} compares best: "
        f"{spans[0]:+.1f} ({spans[1]:+.1f} to {spans[2]:+.1f}) points of false calls to the composite."
    ]


def _price(one: Mapping[str, Any], step: str) -> str:
    priced = one["fpr_at_fn"][step]
    return (
        f"at the training parts' zero-escape threshold {_percent(priced['rate'])} % false calls "
        f"({_percent(priced['low'])} to {_percent(priced['high'])}) and {priced['escapes_fresh']:.1f} "
        f"of {priced['n_abnormal']} fresh defects missed"
    )


def _standing_row(one: Mapping[str, Any], between: str) -> tuple[str, ...]:
    paired, difference = one["paired"], "-"
    if paired:
        limits = f"{signed(paired['low'])} to {signed(paired['high'])}"
        difference = f"{signed(paired['difference'])}{between}{limits}"
    return (
        one["name"],
        f"{one['auroc']:.3f}{between}{one['auroc_low']:.3f} to {one['auroc_high']:.3f}",
        difference,
        f"{one['pro']:.3f}" if one["pro"] is not None else "-",
        _percent(one["std_accuracy"]),
        _percent(one["zfn_accuracy"]),
    )


def _price_row(one: Mapping[str, Any], between: str) -> tuple[str, ...]:
    return (
        one["name"],
        *(
            f"{_percent(step['rate'])}{between}{step['escapes_fresh']:.1f} missed"
            for step in one["fpr_at_fn"].values()
        ),
    )


def _held_out(one: Mapping[str, Any]) -> tuple[str, str]:
    held = one["certification"]
    if not held:
        return "-", "-"
    return (
        f"{held['escapes']} of {held['n_abnormal']}",
        f"{held['false_calls']} of {held['n_normal']}",
    )


def _training(one: Mapping[str, Any]) -> str:
    return "-" if one[TRAINING] is None else f"{one[TRAINING]:.0f}"


def _redrawn(one: Mapping[str, Any]) -> str:
    return "-" if one[PSNR] is None else f"{one[PSNR]:.1f} of {one[MEAN_IMAGE_PSNR]:.1f}"


def _costs(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        f"{1e3 * one['seconds_per_image']:.3g}",
        f"{one['state_bytes'] / 2**20:.1f}",
        f"{one['peak_bytes'] / 2**20:.0f}",
    )


def _family_row(one: Mapping[str, Any], between: str) -> tuple[str, ...]:
    found = one["families"]
    precision = next(iter(found.values()))["precision"]
    cells = (f"{of['f1']:.2f}{between}{_percent(of['recall'])}" for of in found.values())
    return (one["name"], *cells, _percent(precision))


def _flat(one: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in one.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}_")
        elif value is not None:
            flat[f"{before}{name}"] = value
    return flat


def _limits(value: float, low: float, high: float, say: Any = "{:.3f}".format) -> str:
    return f"{say(value)} ({say(low)} to {say(high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
