"""Verbs: describe boards by rivals, and judge them beside the composite.

Every method is judged in the same outer folds of the development role, on the images that have a row
of metrics; the others are flagged whatever judges. Rivals learn from the reconstruction role only.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.baselines.settings import RivalSettings
from tasks.certification.figures import STANDARD_THRESHOLD
from tasks.classification.folds import fold_count
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.paired import paired_auroc, paired_false_calls, pooled_auroc
from tasks.classification.retrieval import best_f1_cut, flagged_at, of_families
from tasks.classification.rivalry import ordinary_accuracy
from tasks.describing import DescriptionOrder, composite_cost, describe
from tasks.honest_summary import Judging, as_rounds
from tasks.jobs import Bundle, Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.rival_trials import (
    COMPOSITE,
    Arena,
    Subject,
    committed_evaluation,
    development_trials,
)
from tasks.score_sheet import Labelled
from tasks.trials import OuterFold, Sample, ask, read_fold
from tasks.vocabulary.arrays import BoolArray, Int64Array
from tasks.vocabulary.errors import InputError
from tasks.workers import Poisoned, Workers

_IMAGES_TIMED = 16
_COSTS = ("pro", "seconds_per_image", "state_bytes", "peak_bytes")


@task(name="describe by rivals", **RETRYING)
def describe_by_rivals(
    stores: Stores, order: DescriptionOrder, rivals: Sequence[RivalSettings], workers: Workers
) -> tuple[Receipt, ...]:
    """Commit what every rival says of every image, one job a rival; in the order of the rivals.

    InputError where a rival cannot be had, and where learning it kills every worker that tries.
    """
    keyed = [(order.key(settings), settings) for settings in rivals]
    missing = [one for one in keyed if stores.registry.find("rivals", one[0]) is None]
    done = len(keyed) - len(missing)
    report_progress("describe", done, len(keyed))
    for batch, outcome in workers.map_batches(partial(describe, stores, order), missing, size=1):
        if isinstance(outcome, Poisoned):
            raise InputError(
                f"Learning {batch[0][1].name} kills every worker that tries.",
                "Give the workers more memory, or take this rival out.",
            )
        done += 1
        report_progress("describe", done, len(keyed), batch[0][1].name)
    found = [stores.registry.find("rivals", key) for key, _ in keyed]
    return tuple(receipt for receipt in found if receipt is not None)


@task(name="describe the composite", **RETRYING)
def describe_composite(
    stores: Stores,
    measuring: Measuring,
    bundle: Bundle,
    arena: Arena,
    truth: str | None,
    localised: Callable[[], float | None],
    workers: Workers,
) -> Receipt:
    """Commit what the composite costs an image, and its AU-PRO, which `localised` measures.

    `truth` names the known defects, None where there are none.
    """
    key = fingerprint(
        {
            "composite": bundle.classifier,
            "features": measuring.features_fingerprint,
            "truth": truth,
            "code": code_digest("tasks.describing"),
        }
    )
    if committed := stores.registry.find("rivals", key):
        return committed
    timed = arena.images.image_ids[:_IMAGES_TIMED]
    costs = workers.run(partial(composite_cost, stores, measuring, bundle.classifier, timed))
    pro = localised() if truth is not None else None
    facts = {**costs, "state_bytes": _state_bytes(stores, bundle), "pro": pro}
    content = {"rival.json": json.dumps({"facts": facts}).encode()}
    inputs = {"features": measuring.features_fingerprint, "classifier": bundle.classifier}
    return stores.registry.put("rivals", key, content, inputs=inputs, facts={"kind": COMPOSITE})


def _state_bytes(stores: Stores, bundle: Bundle) -> int:
    """Files that an inspection loads: weights, mask, scales, memory, classifier; no backbone."""
    made_of = bundle.instrument
    places: list[Path] = [
        stores.registry.open("models", made_of.model_key) / "weights.safetensors",
        stores.registry.open("classifiers", bundle.classifier) / "score",
    ]
    if made_of.mask_key is not None:
        places.append(stores.registry.open("masks", made_of.mask_key) / "mask.npy")
    if made_of.scales_key is not None:
        places.append(stores.registry.open("scales", made_of.scales_key) / "scales.json")
    if made_of.memory_key is not None:
        places.append(stores.registry.open("memories", made_of.memory_key))
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return sum(file.stat().st_size for file in files if file.is_file())


@task(name="compare on development", **RETRYING)
def compare_on_development(
    stores: Stores, subject: Subject, workers: Workers, reference: Subject | None = None
) -> Receipt:
    """Commit the figures of all methods in the outer folds, composite first, each paired with it.

    With a `reference` all are paired with that one's composite instead, the own one too. `InputError`
    where it is not judged on the same images.
    """
    key = subject.key("rivals")
    if reference is not None:
        require_same_images(subject.arena, reference.arena)
        key = fingerprint({"subject": key, "reference": reference.key("rivals")})
    if committed := stores.registry.find("evaluations", key):
        return committed
    arena = subject.arena
    own = _composite_trials(stores, subject, workers)
    methods = [_method(stores, subject, COMPOSITE, COMPOSITE, subject.composite, own, None)]
    ours = own
    if reference is not None:
        ours = _composite_trials(stores, reference, workers)
        methods = [methods[0] | _paired(arena, own, ours)]
    for one in subject.contenders:
        trials = development_trials(stores, arena, one, workers)
        cut = STANDARD_THRESHOLD if one.learnt else None
        figures = _method(
            stores, subject, one.settings.name, one.settings.kind, one.key, trials, cut
        )
        methods.append(figures | _paired(arena, trials, ours))
        report_progress("judge", len(methods) - 1, len(subject.contenders), one.settings.name)
    labels_N, groups = arena.images.labels_N, arena.images.groups
    content = {
        "methods": methods,
        "folds": arena.protocol.folds,
        "repeats": arena.protocol.repeats,
        "n_normal": int(np.count_nonzero(labels_N == 0)) + subject.flagged[0],
        "n_abnormal": int(np.count_nonzero(labels_N == 1)) + subject.flagged[1],
        "n_groups": None if groups is None else len(set(groups)),
        "unanswered": subject.flagged,
    }
    return committed_evaluation(stores, key, content)


def require_same_images(arena: Arena, reference: Arena) -> None:
    """Images that one of the two has no answer for are no pair: figures would hide it."""
    one, other = arena.images, reference.images
    if (one.image_ids, one.labels, one.groups) != (other.image_ids, other.labels, other.groups):
        raise InputError(
            f"{arena.line} and {reference.line} are not judged on the same images.",
            "Give both the same source, photograph, alignment and roles.",
        )
    if arena.protocol != reference.protocol:
        raise InputError(
            f"{arena.line} and {reference.line} are not judged in the same outer folds.",
            "Give both the same evaluation.outer.",
        )


def _composite_trials(stores: Stores, subject: Subject, workers: Workers) -> list[FoldTrial]:
    """What each training part chose among the members, under one name."""
    arena = subject.arena
    sample = Sample(arena.line, subject.measuring.features_fingerprint, subject.development)
    outer, settings = arena.protocol, arena.classification
    fold_count(sample.examples(stores), outer.folds, exact=True)
    questions = [
        OuterFold(member, outer.folds, outer.seed, repeat, fold)
        for repeat in range(outer.repeats)
        for fold in range(outer.folds)
        for member in settings.members
    ]
    answers = ask(stores, sample, settings, questions, workers, COMPOSITE)
    chosen = _judging(subject).chosen([read_fold(answer) for answer in answers])
    return [replace(one, trial=replace(one.trial, kind=COMPOSITE)) for one in chosen]


def _judging(subject: Subject) -> Judging:
    arena = subject.arena
    return Judging(
        arena.images.labels_N,
        arena.classification.criterion,
        arena.protocol.escape_fractions,
        subject.flagged,
    )


def _method(
    stores: Stores,
    subject: Subject,
    name: str,
    kind: str,
    key: str,
    trials: Sequence[FoldTrial],
    cut: float | None,
) -> dict[str, Any]:
    images = subject.arena.images
    labels_N, groups = images.labels_N, _group_names(images)
    auroc = pooled_auroc(trials, labels_N, groups)
    summary = _judging(subject).summary(trials)
    if kind == COMPOSITE:
        cut = STANDARD_THRESHOLD
    accuracy = ordinary_accuracy(trials, labels_N, cut)
    # An image without an answer is flagged: right if it is abnormal.
    normal, abnormal = subject.flagged
    right = accuracy * labels_N.size + abnormal
    costs = _facts(stores, key)
    return {
        "name": name,
        "kind": kind,
        "auroc": auroc.figure,
        "auroc_low": auroc.low,
        "auroc_high": auroc.high,
        "std_accuracy": right / (labels_N.size + normal + abnormal),
        "zfn_accuracy": summary["zfn_accuracy"],
        "fpr_at_fn": summary["fpr_at_fn"],
        "families": _by_family(subject, trials, cut),
        "certification": None,
        **{cost: costs[cost] for cost in _COSTS},
        "paired": None,
        "paired_false_calls": None,
    }


def _by_family(
    subject: Subject, trials: Sequence[FoldTrial], cut: float | None
) -> dict[str, dict[str, float]] | None:
    """Recall, precision and F1 of each family of defects; None where no family is known.

    At `cut`, or where it is None at the cut with the best F1 on each training part.
    """
    if not subject.families:
        return None
    every, answered = subject.development, subject.arena.images
    place = {image_id: at for at, image_id in enumerate(every.image_ids)}
    at_N = np.asarray([place[image_id] for image_id in answered.image_ids], dtype=np.int64)
    # An image without an answer is flagged whatever judges.
    flagged: dict[int, BoolArray] = defaultdict(lambda: np.ones(len(place), dtype=np.bool_))
    for one in trials:
        labels_T = answered.labels_N[list(one.training)]
        threshold = best_f1_cut(one.trial.scores_N, labels_T) if cut is None else cut
        at_T = at_N[list(one.testing)]
        flagged[one.repeat][at_T] = flagged_at(np.asarray(one.scores), threshold)
    return of_families(list(flagged.values()), every.labels_N, subject.families)


def _facts(stores: Stores, key: str) -> Mapping[str, Any]:
    folder = stores.registry.open("rivals", key)
    facts: Mapping[str, Any] = json.loads((folder / "rival.json").read_bytes())["facts"]
    return facts


def _paired(arena: Arena, theirs: Sequence[FoldTrial], ours: Sequence[FoldTrial]) -> dict[str, Any]:
    """Rival minus composite on the same images: AUROC, and false calls in hindsight."""
    labels_N, groups = arena.images.labels_N, _group_names(arena.images)
    # Golden samples as published have a round for each group: each meets the same composite.
    rounds = as_rounds([ours] * (len(theirs) // len(ours)))
    defects = int(np.count_nonzero(labels_N == 1))
    return {
        "paired": asdict(paired_auroc(theirs, rounds, labels_N, groups)),
        "paired_false_calls": {
            f"{fraction:g}": asdict(paired_false_calls(theirs, rounds, labels_N, fraction, groups))
            for fraction in arena.protocol.escape_fractions
            if math.floor(fraction * defects + 1e-9) >= 1
        },
    }


def _group_names(images: Labelled) -> Int64Array | None:
    if images.groups is None:
        return None
    return np.asarray(np.unique(images.groups, return_inverse=True)[1], dtype=np.int64)
