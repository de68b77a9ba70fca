"""What a study found, in words: a table and sentences for each of its parts.

Legend: a rate is a share of images, shown in percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flows.evaluations import Table
from tasks.reporting.study_content import StudyContent
from tasks.vocabulary.arrays import UInt8Array

_PROMISE, _TOLERANT = "0", "0.02"
_FIGURES = ("AUROC", "STD", "ZFN", "at 0 %", "at 1 %", "at 2 %", "at 5 %")
_STEPS = ("0", "0.01", "0.02", "0.05")
_READ = (
    "STD: accuracy at one half; ZFN: at the training part's zero-escape threshold. At thresholds that miss "
    "0, 1, ... % of the defects of the training part: false calls in percent / defects missed among the "
    "fresh images, means over rounds; in brackets the exact 95 % limits of one round."
)


@dataclass(frozen=True)
class StudyFound:
    """What was studied of one line: `found` by part, wall time on so many workers."""

    line: str
    title: str
    found: Mapping[str, dict[str, Any]]
    seconds: float
    workers: int
    pictures: Mapping[str, UInt8Array] = field(default_factory=dict, repr=False)

    def with_suspects(
        self, files: Mapping[str, str], pictures: Mapping[str, UInt8Array]
    ) -> StudyFound:
        """Give the suspect labels their files, and pictures for the page."""
        labels = self.found["labels"]
        suspects = [{**one, "file": files[one["image_id"]]} for one in labels["suspects"]]
        found = {**self.found, "labels": {**labels, "suspects": suspects}}
        return replace(self, found=found, pictures=pictures)

    @property
    def machine_readable(self) -> dict[str, Any]:
        """All figures of all parts, and the sentences."""
        return {
            "line": self.line,
            **self.found,
            "sentences": self.sentences(),
            "seconds": self.seconds,
            "workers": self.workers,
        }

    @property
    def page_content(self) -> StudyContent:
        """What the page shows."""
        said = {part: _SENTENCES[part](content) for part, content in self.found.items()}
        return StudyContent(self.title, self.machine_readable, said, self.pictures)

    def tables(self) -> list[Table]:
        """One or two per part, each with what must be known to read it."""
        return [table for part, content in self.found.items() for table in _TABLES[part](content)]

    def sentences(self) -> list[str]:
        """The result of each part with its n."""
        return [said for part, content in self.found.items() for said in _SENTENCES[part](content)]


def _families_tables(found: Mapping[str, Any]) -> list[Table]:
    chain = "Of the metrics: one family after another (gain over the row above)"
    methods = found["methods"]
    alone = [one for one in methods if one["kind"] != "adding"]
    added = [one for one in methods if one["kind"] == "adding"]
    return [
        Table(
            "Of the metrics: each family alone, and all without it (AUROC minus that of all)",
            ("metrics", "n", *_FIGURES, "AUROC to all"),
            [(*_method(one), _difference(one["paired"])) for one in alone],
            f"{_rounds(found)} {_READ} AUROC to all: paired over the same images, 95 % limits.",
        ),
        Table(
            chain,
            ("metrics", "n", *_FIGURES, "AUROC gained"),
            [(*_method(one), _difference(one["gain"])) for one in added],
            "The order is that of the table of metrics; another order would share gains otherwise.",
        ),
    ]


def _method(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (one["name"], str(one["columns"]), *_figures(one))


def _curve_tables(found: Mapping[str, Any]) -> list[Table]:
    rows = [
        (
            str(one["defects"]),
            str(one["rounds"]),
            f"{one['auroc']:.3f} ± {one['auroc_sd']:.3f}",
            *_figures(one)[1:],
            _hindsight(one),
        )
        for one in found["points"]
    ]
    return [
        Table(
            "With so many defects to learn from, all normals beside them",
            ("defects", "rounds", "AUROC ± sd", *_FIGURES[1:], "at 2 %, same escapes"),
            rows,
            f"{_rounds(found)} {found['draws']} random choices of the defects in each fold; the last "
            f"row has all. {_READ} Few defects set a low bar: compare rates at the same escapes (last "
            "column: threshold in hindsight, 2 % of the fresh defects missed). Of fewer than 50 defects "
            "2 % is none.",
        )
    ]


def _labels_tables(found: Mapping[str, Any]) -> list[Table]:
    headings = ("labels out", *_FIGURES)
    removed = [
        (f"{one['removed']} ({one.get('abnormal', 0)} abnormal)", *_figures(one))
        for one in found["steps"]
    ]
    cleaned = [(str(one["removed"]), *_figures(one)) for one in found["cleaned"]]
    return [
        Table(
            "NOT THE HEADLINE: as if the most suspect labels were known to be wrong",
            headings,
            removed,
            f"{_rounds(found)} Taken out of learning and of judging, chosen by the very scores that "
            f"they are judged by: what their labels cost, once a person says that they are wrong. {_READ}",
        ),
        Table(
            "The most suspect labels of each training part not learnt from, judged on all",
            headings,
            cleaned,
            "Honest: chosen without the testing part, every image judged as it is labelled.",
        ),
    ]


def _ratios_tables(found: Mapping[str, Any]) -> list[Table]:
    methods = found["methods"]
    rows = [
        (
            f"{100 * points[0]['ratio']:g} %",
            str(points[0]["defects"]),
            *(
                f"{point['f1']:.3f} ({point['precision']:.2f} / {point['recall']:.2f})"
                for point in points
            ),
        )
        for points in zip(*(one["points"] for one in methods), strict=True)
    ]
    return [
        Table(
            "F1 on defects with a share of defects in the training part",
            ("share", "defects", *(one["name"] for one in methods)),
            rows,
            f"{_rounds(found)} {found['images']} training images at every share; testing parts stay "
            "whole; decision at one half; in brackets precision / recall, means over repeats. Without "
            "defects there is nothing to train: all are called good.",
        )
    ]


def _ratios_sentences(found: Mapping[str, Any]) -> list[str]:
    said = []
    for one in found["methods"]:
        best = max(one["points"], key=lambda point: point["f1"])
        fewest = next((point for point in one["points"] if point["defects"]), best)
        said.append(
            f"{one['name']}: with {fewest['defects']} defects among {found['images']} training images "
            f"F1 {fewest['f1']:.3f}; best {best['f1']:.3f} at {100 * best['ratio']:g} % defects."
        )
    return said


def _families_sentences(found: Mapping[str, Any]) -> list[str]:
    methods = found["methods"]
    alone = max((one for one in methods if one["kind"] == "only"), key=lambda one: one["auroc"])
    without = [one for one in methods if one["kind"] == "without"]
    dearest = min(without, key=lambda one: one["paired"]["difference"])
    idle = [_left_out(one) for one in without if one["paired"]["high"] >= 0.0]
    said = [
        f"All {methods[0]['columns']} metrics: {_in_words(methods[0])}.",
        f"Best family alone: {alone['families'][0]} ({alone['columns']} metrics), {_in_words(alone)}; "
        f"AUROC {_difference(alone['paired'])} to all.",
        f"Dearest to leave out: {_left_out(dearest)} changes AUROC by {_difference(dearest['paired'])}.",
    ]
    if idle:
        said.append(
            f"Left out one at a time, {len(idle)} of {len(without)} families show no loss of AUROC (95 % "
            f"limits reach 0): {', '.join(idle)}."
        )
    return said


def _left_out(one: Mapping[str, Any]) -> str:
    return str(one["name"]).removeprefix("all without ")


def _curve_sentences(found: Mapping[str, Any]) -> list[str]:
    points = found["points"]
    said = [
        f"With all {points[-1]['defects']} defects of a training part: {_in_words(points[-1])}."
    ]
    if len(points) < 2:
        return said
    first, before, last = points[0], points[-2], points[-1]
    said.append(
        f"With {first['defects']}: AUROC {first['auroc']:.3f} ± {first['auroc_sd']:.3f}, and "
        f"{first['fpr_at_fn'][_PROMISE]['escapes_fresh']:.1f} of "
        f"{first['fpr_at_fn'][_PROMISE]['n_abnormal']} fresh defects pass its zero-escape threshold "
        f"({last['fpr_at_fn'][_PROMISE]['escapes_fresh']:.1f} with {last['defects']})."
    )
    gain = last["auroc"] - before["auroc"]
    worth = "more" if gain > before["auroc_sd"] else "no more"
    said.append(
        f"From {before['defects']} to {last['defects']} defects AUROC gains {gain:+.3f}: {worth} "
        f"than the spread of rounds (± {before['auroc_sd']:.3f} over {before['rounds']})."
    )
    return said


def _labels_sentences(found: Mapping[str, Any]) -> list[str]:
    before, after = found["steps"][0], found["steps"][-1]
    said = []
    if after is not before:
        unlearnt = found["cleaned"][-1]
        honest = unlearnt["fpr_at_fn"][_PROMISE]
        zero = [one["fpr_at_fn"][_PROMISE] for one in (before, after)]
        said += [
            f"Not the headline: without the {after['removed']} labels that scores contradict most "
            f"({after['abnormal']} abnormal), {_percent(zero[1]['rate'])} % false calls at zero "
            f"escapes of the training part instead of {_percent(zero[0]['rate'])} %, if a person says that "
            "all are wrong.",
            f"Left out of learning only and judged on every label as it stands: "
            f"{_percent(honest['rate'])} % false calls, {honest['escapes_fresh']:.1f} of "
            f"{honest['n_abnormal']} fresh defects missed instead of {zero[0]['escapes_fresh']:.1f}, "
            f"AUROC {unlearnt['auroc']:.3f} instead of {before['auroc']:.3f}.",
        ]
    setters = [one for one in found["suspects"] if one["sets_threshold_in_folds"]]
    listed = [one for one in setters if one["audited"]]
    folds = sum(one["sets_threshold_in_folds"] for one in listed)
    said.append(
        f"{len(setters)} images set the zero-escape threshold in {found['folds_in_all']} folds; the "
        f"label audit ({found['audit']['count']} of each kind) lists {len(listed)} of them, "
        f"which set it in {folds}."
    )
    return said


def _in_words(one: Mapping[str, Any]) -> str:
    zero, two = (one["fpr_at_fn"][step] for step in (_PROMISE, _TOLERANT))
    return (
        f"AUROC {one['auroc']:.3f}, {_percent(zero['rate'])} % of {zero['n_normal']} fresh normals flagged "
        f"at zero escapes of the training part ({zero['escapes_fresh']:.1f} of {zero['n_abnormal']} fresh "
        f"defects missed), {_percent(two['rate'])} % at 2 %"
    )


def _figures(one: Mapping[str, Any]) -> tuple[str, ...]:
    priced = [
        f"{_percent(step['rate'])} / {step['escapes_fresh']:.1f}"
        for step in (one["fpr_at_fn"][name] for name in _STEPS)
    ]
    zero = one["fpr_at_fn"][_PROMISE]
    limits = f" ({_percent(zero['low'])} to {_percent(zero['high'])})"
    accuracies = (_percent(one[name]) for name in ("std_accuracy", "zfn_accuracy"))
    return (f"{one['auroc']:.3f}", *accuracies, priced[0] + limits, *priced[1:])


def _hindsight(one: Mapping[str, Any]) -> str:
    rate = one["fpr_at_fn"][_TOLERANT]["hindsight"]
    return "-" if rate is None else _percent(rate)


def _difference(paired: Mapping[str, float] | None) -> str:
    if paired is None:
        return "-"
    return f"{paired['difference']:+.3f} ({paired['low']:+.3f} to {paired['high']:+.3f})"


def _rounds(found: Mapping[str, Any]) -> str:
    groups = f" in {found['n_groups']} groups" if found["n_groups"] else ""
    return (
        f"{', '.join(found['members'])}; {found['repeats']} x {found['folds']} outer folds; "
        f"{found['n_normal']} normal and {found['n_abnormal']} abnormal images{groups}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


_TABLES = {
    "families": _families_tables,
    "learning_curve": _curve_tables,
    "labels": _labels_tables,
    "defect_ratios": _ratios_tables,
}
_SENTENCES = {
    "families": _families_sentences,
    "learning_curve": _curve_sentences,
    "labels": _labels_sentences,
    "defect_ratios": _ratios_sentences,
}
