"""Verbs: what each family of metrics, each further defect, each doubtful label is worth; defect ratios.

All by the honest protocol, on the metrics that the champion's instrument measured: whatever is left
out is left out of the outer folds, which stay the same, and everything is fitted anew in each of them.

Legend: N images, T images of a training part; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean, pstdev
from typing import Any

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.auditing.choosing import doubts_of_development, most_suspect
from tasks.bundles import champion_bundle, out_of_fold_sheet
from tasks.certification.figures import STANDARD_THRESHOLD
from tasks.classification import rivalry
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.operating import escape_threshold
from tasks.classification.paired import paired_auroc
from tasks.classification.parts import Part, renumbered, with_both_classes
from tasks.classification.retrieval import flagged_at, images_at_every_ratio, retrieved
from tasks.honest_summary import as_rounds
from tasks.retrying import RETRYING
from tasks.rival_trials import Arena, Contender, committed_evaluation, scores_at_ratios
from tasks.studying import Study, Subject, ablations, families_of
from tasks.trials import OuterFold
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers

_SUSPECTS = (1, 2, 5, 10, 20)
_LARGEST_SHARE = 0.1
"""Of the images that may be taken out as suspect: beyond, another problem is studied."""


@task(name="study families", **RETRYING)
def study_families(stores: Stores, subject: Subject, workers: Workers) -> Receipt:
    """Commit the figures of each family of metrics alone, of all without it, and of one more at a time.

    Each is compared with all metrics on the same images. InputError where there is a single family.
    """
    key = subject.key("families")
    if committed := stores.registry.find("evaluations", key):
        return committed
    study = Study(stores, subject, workers)
    families = families_of(study.examples.columns)
    if len(families) < 2:
        raise InputError(
            f"All metrics are of one family: {', '.join(families)}.", "There is nothing to compare."
        )
    plan = ablations(tuple(families))
    columns = [tuple(name for family in one.families for name in families[family]) for one in plan]
    tried = study.trials([Part(of_one) for of_one in columns], "families")
    judging = study.judging()
    methods = [
        {**asdict(one), "columns": len(of_one), **judging.summary(trials)}
        for one, of_one, trials in zip(plan, columns, tried, strict=True)
    ]
    chosen = [judging.chosen(trials) for trials in tried]
    for at, one in enumerate(plan):
        methods[at]["paired"] = _paired(study, chosen[at], chosen[0]) if at else None
        before = one.families[:-1] if one.kind == "adding" else ()
        earlier = [other for other, named in enumerate(plan) if named.families == before]
        methods[at]["gain"] = _paired(study, chosen[at], chosen[earlier[0]]) if earlier else None
    counts = {name: len(of_family) for name, of_family in families.items()}
    return study.committed(key, {"families": counts, "methods": methods})


@task(name="study learning curve", **RETRYING)
def study_learning_curve(
    stores: Stores,
    subject: Subject,
    defects: tuple[int, ...],
    draws: int,
    workers: Workers,
) -> Receipt:
    """Commit the figures with only so many defects to learn from, `draws` random choices of each count.

    Testing parts and normals stay as they are. Counts that a training part cannot give are left out.
    """
    key = subject.key("learning curve", defects=defects, draws=draws)
    if committed := stores.registry.find("evaluations", key):
        return committed
    study = Study(stores, subject, workers)
    counts = [count for count in sorted(set(defects)) if count < study.fewest_defects]
    parts = [Part(defects=count, draw=draw) for count in counts for draw in range(draws)]
    tried = study.trials([*parts, Part()], "learning curve")
    judging = study.judging()
    points = [
        {"defects": count, **judging.summary(as_rounds(tried[at * draws : (at + 1) * draws]))}
        for at, count in enumerate(counts)
    ]
    points.append({"defects": study.fewest_defects, **judging.summary(tried[-1])})
    return study.committed(key, {"draws": draws, "points": points})


@task(name="study labels", **RETRYING)
def study_labels(stores: Stores, subject: Subject, audited: int, workers: Workers) -> Receipt:
    """Commit the ladder with the most suspect labels taken out, and whether an audit would list them.

    Two ways: taken out altogether, as if they were known to be wrong (no figure to be promised: the
    images were chosen by the scores that they are judged by); and out of what is learnt from only,
    chosen in each training part, judged on every image as labelled. `audited` images of each kind are
    listed by the audit.
    """
    bundle = champion_bundle(stores, subject.sample.line)
    decided = [bundle.classifier, bundle.threshold_key, audited]
    key = subject.key("labels", decided=decided)
    if committed := stores.registry.find("evaluations", key):
        return committed
    study = Study(stores, subject, workers)
    (whole,) = study.trials([Part()], "labels")
    chosen = study.judging().chosen(whole)
    scores_N = _fresh_scores(chosen, study.labels_N.size)
    suspects = most_suspect(scores_N, study.labels_N)
    audit = _audit(stores, subject, audited)
    setters = _setters(study, chosen)
    listed = [
        {
            "image_id": study.image_ids[row],
            "label": "abnormal" if study.labels_N[row] == 1 else "normal",
            "score": float(scores_N[row]),
            "rank": rank + 1,
            "audited": study.image_ids[row] in audit,
            "sets_threshold_in_folds": setters[row],
        }
        for rank, row in enumerate(suspects)
        if rank < max(_SUSPECTS) or setters[row]
    ]
    content = {
        "folds_in_all": len(chosen),
        "audit": {"count": audited, "images": audit},
        "suspects": listed,
        **_ladders(study, whole, suspects),
    }
    return study.committed(key, content)


@task(name="study defect ratios", **RETRYING)
def study_defect_ratios(
    stores: Stores,
    arena: Arena,
    contenders: tuple[Contender, ...],
    ratios: tuple[float, ...],
    workers: Workers,
) -> Receipt:
    """Commit F1 on defects of each network with a share of defects in the training part.

    The 3D-printing paper's curve (section 5.1): as many training images at each ratio as the smallest
    training part can give, drawn by chance; testing parts stay whole; the decision is at one half.
    """
    ratios = tuple(sorted(set(ratios)))
    key = _ratio_key(arena, contenders, ratios)
    if committed := stores.registry.find("evaluations", key):
        return committed
    labels_N, groups = arena.images.labels_N, arena.images.groups
    images = min(images_at_every_ratio(part.training, labels_N, ratios) for part in arena.parts())
    methods = []
    for one in contenders:
        found = scores_at_ratios(stores, arena, one, ratios, images, workers)
        points = [
            {
                "ratio": ratio,
                "defects": math.floor(ratio * images + 0.5),
                **_retrieved(of, labels_N),
            }
            for ratio, of in found.items()
        ]
        methods.append({"name": one.settings.name, "kind": one.settings.kind, "points": points})
    content = {
        "members": [one.settings.name for one in contenders],
        "images": images,
        "folds": arena.protocol.folds,
        "repeats": arena.protocol.repeats,
        "n_normal": int(np.count_nonzero(labels_N == 0)),
        "n_abnormal": int(np.count_nonzero(labels_N == 1)),
        "n_groups": None if groups is None else len(set(groups)),
        "methods": methods,
    }
    return committed_evaluation(stores, key, content)


def _ratio_key(arena: Arena, contenders: Sequence[Contender], ratios: Sequence[float]) -> str:
    return fingerprint(
        {
            "study": "defect ratios",
            "ratios": ratios,
            "images": asdict(arena.images),
            "seed": arena.classification.seed,
            "outer": arena.protocol.model_dump(mode="json"),
            "networks": [[one.settings.name, one.key] for one in contenders],
            "code": code_digest("tasks.classification", "tasks.study", "tasks.rival_trials"),
        }
    )


def _retrieved(
    found: Sequence[tuple[rivalry.Part, Float64Array]], labels_N: Int64Array
) -> dict[str, float]:
    """Precision, recall and F1 over the images of a repeat, means over repeats."""
    flagged: dict[int, BoolArray] = defaultdict(lambda: np.zeros(labels_N.size, dtype=np.bool_))
    for part, scores in found:
        flagged[part.repeat][part.testing] = flagged_at(scores, STANDARD_THRESHOLD)
    rounds = [retrieved(of_repeat, labels_N) for of_repeat in flagged.values()]
    return {
        "precision": fmean(one.precision for one in rounds),
        "recall": fmean(one.recall for one in rounds),
        "f1": fmean(one.f1 for one in rounds),
        "f1_sd": pstdev(one.f1 for one in rounds),
        "rounds": len(rounds),
    }


def _paired(
    study: Study, first: Sequence[FoldTrial], second: Sequence[FoldTrial]
) -> dict[str, float]:
    return asdict(paired_auroc(first, second, study.labels_N, study.examples.groups))


def _ladders(
    study: Study, whole: Sequence[FoldTrial], suspects: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """Steps with 0, 1, 2, ... suspects out altogether, and the same out of the training parts only."""
    counts = [
        count
        for count in _SUSPECTS
        if count <= _LARGEST_SHARE * study.labels_N.size
        and with_both_classes(whole, study.labels_N, suspects[:count])
    ]
    altogether = [Part(without=tuple(sorted(suspects[:count]))) for count in counts]
    tried = study.trials(altogether, "labels out")
    learnt = study.trials([_Cleaned(study, whole, count) for count in counts], "labels unlearnt")
    judging = study.judging()
    removed, cleaned = ([{"removed": 0, **judging.summary(whole)}] for _ in range(2))
    for count, part, out, unlearnt in zip(counts, altogether, tried, learnt, strict=True):
        without = judging.without(part.without)
        trials = renumbered(out, part.without, study.labels_N.size)
        abnormal = int(study.labels_N[list(part.without)].sum())
        removed.append({"removed": count, "abnormal": abnormal, **without.summary(trials)})
        cleaned.append({"removed": count, **judging.summary(unlearnt)})
    return {"steps": removed, "cleaned": cleaned}


class _Cleaned:
    """The part of each fold without the `count` labels that its own training part contradicts most."""

    def __init__(self, study: Study, whole: Sequence[FoldTrial], count: int) -> None:
        self._without = {
            (one.repeat, one.fold, one.trial.kind): _suspects_within(study, one, count)
            for one in whole
        }

    def __call__(self, fold: OuterFold) -> Part:
        return Part(without=self._without[fold.repeat, fold.fold, fold.member.kind])


def _suspects_within(study: Study, one: FoldTrial, count: int) -> tuple[int, ...]:
    training_T = np.asarray(one.training)
    rows = most_suspect(one.trial.scores_N, study.labels_N[training_T])[:count]
    return tuple(sorted(training_T[list(rows)].tolist()))


def _fresh_scores(chosen: Sequence[FoldTrial], images: int) -> Float64Array:
    """Mean over repeats of what each image scored in the folds that did not know it: `float64 [N]`."""
    sums_N, counts_N = np.zeros(images), np.zeros(images)
    for one in chosen:
        sums_N[list(one.testing)] += one.scores
        counts_N[list(one.testing)] += 1
    return sums_N / counts_N


def _setters(study: Study, chosen: Sequence[FoldTrial]) -> Counter[int]:
    """In how many folds each image sets the zero-escape threshold of the training part."""
    found: Counter[int] = Counter()
    for one in chosen:
        training_T = np.asarray(one.training)
        labels_T, scores_T = study.labels_N[training_T], one.trial.scores_N
        lowest = escape_threshold(scores_T, labels_T, 0.0)
        found.update(training_T[(labels_T == 1) & (scores_T == lowest)].tolist())
    return found


def _audit(stores: Stores, subject: Subject, count: int) -> dict[str, str]:
    """The champion's label audit of the development role: image and reason."""
    bundle = champion_bundle(stores, subject.sample.line)
    classifier = stores.registry.find("classifiers", bundle.classifier)
    if classifier is None:
        raise InputError("The champion's classifier is gone.", "Run `zeroescape retrain`.")
    sheet = out_of_fold_sheet(stores, classifier, str(classifier.facts["chosen"]))
    listed: dict[str, list[str]] = defaultdict(list)
    for one in doubts_of_development(
        sheet.scores_N, sheet.images.labels_N, bundle.threshold, count
    ):
        listed[sheet.images.image_ids[one.row]].append(one.reason)
    return {image_id: ", ".join(reasons) for image_id, reasons in listed.items()}
