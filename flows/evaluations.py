"""What an evaluation says: one table per protocol, and the optimism of the first in a sentence.

Legend: a rate is a share of images, shown in percent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from tasks.certification.bounds import exact_interval

_CONFIDENCE = 0.95
_CHOSEN = "chosen"
_PUBLISHED_HEADINGS = (
    "classifier", "STD acc", "prec", "FPR", "FNR", "ZFN acc", "prec", "FPR", "FNR", "tied",
)  # fmt: skip


class Table(NamedTuple):
    """A titled table of words, and what must be known to read it."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str


@dataclass(frozen=True)
class Evaluation:
    """What the protocols found of one line: `found` by protocol, wall time on so many workers.

    `leak` has each member's AUROC with groups kept whole and torn; None where every image is alone.
    """

    line: str
    found: Mapping[str, dict[str, Any]]
    seconds: float
    workers: int
    leak: dict[str, Any] | None = None

    @property
    def machine_readable(self) -> dict[str, Any]:
        """Every row of both protocols, the summary over repeats, and the sentences."""
        honest = self.found.get("honest")
        return {
            "line": self.line,
            **self.found,
            "leak": self.leak,
            "summary": [one._asdict() for one in summaries(honest)] if honest else None,
            "sentences": self.sentences(),
            "seconds": self.seconds,
            "workers": self.workers,
        }

    def tables(self) -> list[Table]:
        """Table 1 of the paper, and the honest one."""
        making = {"published": _published_table, "honest": _honest_table}
        return [making[name](content) for name, content in self.found.items()]

    def sentences(self) -> list[str]:
        """The result of each protocol with its n, and the difference."""
        published, honest = self.found.get("published"), self.found.get("honest")
        said = []
        if published:
            said.append(_published_sentence(published))
        if honest:
            said += [_honest_sentence(honest), *_choice_sentences(honest)]
        if published and honest:
            said.append(_optimism_sentence(published, honest))
        if self.leak:
            said.append(_leak_sentence(self.leak))
        return said


class Summary(NamedTuple):
    """One classifier over all repeats of the honest protocol.

    Means of `repeats` rounds over the same images; `false_call_interval` is exact for the mean count
    of one round, because rounds add no images. `escapes` are per round, of `n_abnormal` fresh defects.
    """

    kind: str
    auroc: float
    partial_auroc: float
    accuracy: float
    false_call_rates: tuple[float, ...]
    lowest: float
    highest: float
    false_call_interval: tuple[float, float]
    escapes: tuple[float, ...]
    tied_normals: float
    n_normal: int
    n_abnormal: int


def summaries(honest: dict[str, Any]) -> list[Summary]:
    """One per classifier in the order of the members, `chosen` last."""
    kinds = dict.fromkeys(row["kind"] for row in honest["rows"])
    return [_summary([r for r in honest["rows"] if r["kind"] == kind]) for kind in kinds]


def _summary(rows: Sequence[dict[str, Any]]) -> Summary:
    ladders = list(zip(*(row["ladder"] for row in rows), strict=True))
    first = ladders[0]
    false_calls, escapes = (
        fmean(step[name] for step in first) for name in ("false_calls", "escapes")
    )
    n_normal, n_abnormal = first[0]["n_normal"], first[0]["n_abnormal"]
    rates = [step["false_call_rate"] for step in first]
    return Summary(
        kind=rows[0]["kind"],
        auroc=fmean(row["auroc"] for row in rows),
        partial_auroc=fmean(row["partial_auroc"] for row in rows),
        accuracy=1.0 - (false_calls + escapes) / (n_normal + n_abnormal),
        false_call_rates=tuple(fmean(s["false_call_rate"] for s in steps) for steps in ladders),
        lowest=min(rates),
        highest=max(rates),
        false_call_interval=exact_interval(round(false_calls), n_normal, _CONFIDENCE),
        escapes=tuple(fmean(s["escapes"] for s in steps) for steps in ladders),
        tied_normals=fmean(step["tied_normals"] for step in first),
        n_normal=n_normal,
        n_abnormal=n_abnormal,
    )


def _published_table(found: dict[str, Any]) -> Table:
    names = ("accuracy", "precision", "fpr", "fnr")
    rows = [
        (
            row["kind"] + (" *" if row["kind"] == found["winner"] else ""),
            *(_percent(row["standard"][name]) for name in names),
            *(_percent(row["zfn"][name]) for name in names),
            str(row["zfn"]["tied_normals"]),
        )
        for row in found["rows"]
    ]
    return Table(
        f"The paper's protocol: {found['draws']} draws on the whole table, leave-one-out",
        _PUBLISHED_HEADINGS,
        rows,
        f"{_images(found)} * best ZFN accuracy. STD at one half, ZFN at the lowest defect, in percent. "
        "tied: normals flagged only because they equal that defect. Every image shaped its own "
        "verdict, so these figures flatter.",
    )


def _honest_table(found: dict[str, Any]) -> Table:
    fractions = [step["escape_fraction"] for step in found["rows"][0]["ladder"]]
    headings = (
        "classifier", "AUROC", "above 95 % TPR", "accuracy",
        *(f"at {100 * fraction:g} %" for fraction in fractions), "tied",
    )  # fmt: skip
    rows = [_honest_words(one) for one in summaries(found)]
    chosen = Counter(kind for _, _, kind in found["choices"])
    return Table(
        f"The honest protocol: {found['repeats']} x {found['folds']} outer folds, "
        f"{found['draws']} draws in each training part",
        headings,
        rows,
        f"{_images(found)} At thresholds that miss 0, 1, ... % of the defects of the training part: "
        "false calls in percent / defects missed among the fresh images, means over repeats; in "
        "brackets the exact 95 % limits of one repeat. chosen: what the training parts chose "
        f"({', '.join(f'{kind} {count}' for kind, count in chosen.most_common())}).",
    )


def _honest_words(one: Summary) -> tuple[str, ...]:
    priced = [
        f"{_percent(rate)} / {missed:.1f}"
        for rate, missed in zip(one.false_call_rates, one.escapes, strict=True)
    ]
    return (
        one.kind,
        f"{one.auroc:.3f}",
        f"{one.partial_auroc:.3f}",
        _percent(one.accuracy),
        f"{priced[0]} ({_span(one.false_call_interval)})",
        *priced[1:],
        f"{one.tied_normals:.1f}",
    )


def _images(found: dict[str, Any]) -> str:
    groups = found["n_groups"]
    said = f"{found['n_normal']} normal and {found['n_abnormal']} abnormal images"
    return said + (f" in {groups} groups." if groups else ".")


def _published_sentence(found: dict[str, Any]) -> str:
    best = next(row for row in found["rows"] if row["kind"] == found["winner"])
    return (
        f"As published: {best['kind']} is the best of {len(found['rows'])} at zero escapes, with "
        f"{_percent(best['zfn']['accuracy'])} % accuracy and {_percent(best['zfn']['fpr'])} % false "
        f"calls on the {found['n_normal']} normal and {found['n_abnormal']} abnormal images that "
        "chose it and set its threshold."
    )


def _honest_sentence(found: dict[str, Any]) -> str:
    one = summaries(found)[-1]
    return (
        f"Honestly: search, choice and threshold inside the training parts flag "
        f"{_percent(one.false_call_rates[0])} % of {one.n_normal} fresh normals "
        f"({_percent(one.lowest)} to {_percent(one.highest)} in single repeats, of which there are "
        f"{found['repeats']}) and miss {one.escapes[0]:.1f} of {one.n_abnormal} fresh defects a repeat."
    )


_WORDS_OF_CRITERIA = {
    "auroc": "AUROC",
    "partial_auroc": "partial AUROC",
    "zfn_accuracy": "ZFN accuracy (the paper's)",
    "false_calls_at_0": "false calls at 0 % missed",
    "false_calls_at_1": "at 1 %",
    "false_calls_at_2": "at 2 %",
}


def _choice_sentences(found: dict[str, Any]) -> list[str]:
    """What another criterion would have cost, where there was a choice."""
    if len({row["kind"] for row in found["rows"]}) < 3:
        return []
    prices = []
    for criterion, rows in found["chosen_by"].items():
        one = _summary(rows)
        prices.append(
            f"{_WORDS_OF_CRITERIA[criterion]} {_percent(one.false_call_rates[0])} / "
            f"{one.escapes[0]:.1f}"
        )
    return [
        "Chosen by another criterion, false calls in percent / defects missed at the training "
        f"part's zero-escape threshold: {', '.join(prices)}."
    ]


def _optimism_sentence(published: dict[str, Any], honest: dict[str, Any]) -> str:
    best = next(row for row in published["rows"] if row["kind"] == published["winner"])["zfn"]
    one = summaries(honest)[-1]
    calls = 100 * (one.false_call_rates[0] - best["fpr"])
    accuracy = 100 * (best["accuracy"] - one.accuracy)
    return (
        f"Optimism of the paper's protocol here: it promises no escape, and {one.escapes[0]:.1f} of "
        f"{one.n_abnormal} defects escape; it shows {_percent(best['fpr'])} % false calls, and fresh "
        f"normals give {calls:+.1f} points; accuracy {_percent(best['accuracy'])} %, honestly "
        f"{_percent(one.accuracy)} % ({accuracy:+.1f} points shown too much)."
    )


def _leak_sentence(leak: dict[str, Any]) -> str:
    gaps = [row["torn"] - row["whole"] for row in leak["rows"]]
    widest = max(leak["rows"], key=lambda row: row["torn"] - row["whole"])
    return (
        "Folds that tear groups (panel, lot, serial number, near-duplicates) would change AUROC by "
        f"{fmean(gaps):+.3f} on average, most for {widest['kind']}: {widest['torn']:.3f} instead of "
        f"{widest['whole']:.3f}. All figures here keep groups whole, except the published ones."
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _span(interval: Sequence[float]) -> str:
    return f"{_percent(interval[0])} to {_percent(interval[1])}"
