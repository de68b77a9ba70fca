"""Which images two bundles may be compared on, and what each says of them, from what is stored.

An image counts for a bundle only in a score that it was not fitted on: its out-of-fold score, or the
frozen bundle's score of an image that served nothing in the run that made the bundle. Images that
certify today, or that a certificate of either bundle was made of, are left out: a promotion must not
read the verdicts that a certificate rests on, or the certificate would be chosen by its own answer.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from storage.errors import NotFoundError
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.bundles import out_of_fold_sheet, read_bundle
from tasks.certification.thresholds import flagged
from tasks.gates import Contest
from tasks.gating.decision import Comparison, JudgedDefect
from tasks.gating.paired import PairedChange, paired_change
from tasks.jobs import Bundle
from tasks.score_sheet import LABELS, labelled
from tasks.scoring import score_images
from tasks.vocabulary.arrays import BoolArray
from tasks.vocabulary.errors import InputError

_COMPARED = ("shared", "for_champion", "for_challenger")
_FITTED = frozenset({Role.RECONSTRUCTION, Role.VALIDATION, Role.MASK, Role.DEVELOPMENT})
CERTIFYING = "they certify, or did; a promotion does not read those verdicts."
NOT_RECORDED = "it is not recorded which images the champion was made of."
FITTED_ON = "the champion was made of them."
NOT_MEASURED = "the champion has no measurement of them."


@dataclass(frozen=True)
class Contestant:
    """A bundle, its out-of-fold scores and their labels by image, and the role of each at its run.

    `roles` is None for a bundle of which it was not recorded.
    """

    key: str
    bundle: Bundle
    scores: Mapping[str, float]
    labels: Mapping[str, int]
    roles: Mapping[str, str] | None

    def flags(self, scores: Iterable[float]) -> BoolArray:
        """Verdicts at the bundle's own frozen threshold."""
        return flagged(np.array(list(scores), dtype=np.float64), self.bundle.threshold)


@dataclass(frozen=True)
class Match:
    """Images by what is needed to compare on them; `left_out` counts the others by reason.

    `shared` have an out-of-fold score of both. `for_champion` are new to the champion and
    `for_challenger` are defects that the champion catches and today's development lacks: there the
    frozen bundle answers. `unasked` are defects on which the champion cannot be judged. `labels` are
    today's, or where an image is gone those of the run that knew it.
    """

    champion: Contestant
    challenger: Contestant
    snapshot: Snapshot
    shared: tuple[str, ...]
    for_champion: tuple[str, ...]
    for_challenger: tuple[str, ...]
    unasked: tuple[str, ...]
    labels: Mapping[str, int]
    left_out: Mapping[str, int]


def matched(stores: Stores, contest: Contest, champion: Contestant) -> Match:
    """Sort all images that either bundle has an out-of-fold score of.

    Raises as `contestant` does for the challenger.
    """
    snapshot = stores.snapshots(contest.line).read(contest.snapshot)
    challenger = contestant(stores, contest.challenger)
    today = {row.image_id: row for row in snapshot.rows}
    certifying = {row.image_id for row in snapshot.rows if row.role == Role.CERTIFICATION}
    certifying |= _certified(stores, champion.key, challenger.key)
    sorted_out: dict[str, list[str]] = {name: [] for name in _COMPARED}
    left_out: Counter[str] = Counter()
    unasked: list[str] = []
    labels: dict[str, int] = {}
    for image_id in dict.fromkeys((*challenger.scores, *champion.scores)):
        label = _label(image_id, today, champion, challenger)
        if label is None:
            continue
        labels[image_id] = label
        where = _place(image_id, label, champion, challenger)
        if where and image_id in certifying:
            where = CERTIFYING
        if where in sorted_out:
            sorted_out[where].append(image_id)
        elif where:
            left_out[where] += 1
            if label == 1 and where != CERTIFYING:
                unasked.append(image_id)
    parts = {name: tuple(ids) for name, ids in sorted_out.items()}
    return Match(
        champion,
        challenger,
        snapshot,
        **parts,
        unasked=tuple(unasked),
        labels=labels,
        left_out=left_out,
    )


def contestant(stores: Stores, key: str) -> Contestant:
    """A bundle with its scores; `InputError` for another version's, `NotFoundError` if a part is gone."""
    bundle = read_bundle(stores, key)
    classifier = stores.registry.find("classifiers", bundle.classifier)
    frozen = stores.registry.find("bundles", key)
    if classifier is None or frozen is None:
        raise NotFoundError(f"The classifier of {key} is gone.", "Restore it from a copy.")
    try:
        sheet = out_of_fold_sheet(stores, classifier, str(classifier.facts["chosen"]))
    except KeyError as error:
        raise InputError(
            f"The scores of the bundle {key} were written by another version of zeroescape.",
            "Run `zeroescape retrain` with its configuration, which certifies anew.",
        ) from error
    ids, number = sheet.images.image_ids, frozen.facts.get("snapshot")
    roles = None
    if isinstance(number, int):
        rows = stores.snapshots(bundle.line).read(number).rows
        roles = {row.image_id: row.role for row in rows}
    return Contestant(
        key,
        bundle,
        dict(zip(ids, sheet.scores, strict=True)),
        dict(zip(ids, sheet.images.labels, strict=True)),
        roles,
    )


def _certified(stores: Stores, *bundles: str) -> set[str]:
    """Images that certificates of these bundles were made of; their scores are not looked at."""
    found: set[str] = set()
    for receipt in stores.registry.receipts("certificates"):
        if receipt.facts.get("bundle") in bundles:
            folder = stores.registry.open("certificates", receipt.key)
            found.update(json.loads((folder / "scores.json").read_bytes())["image_ids"])
    return found


def _label(image_id: str, today: Mapping[str, SnapshotRow], *contestants: Contestant) -> int | None:
    """Today's label; that of a run that knew the image where it is gone; None for an undecided one."""
    if image_id in today:
        return LABELS.get(today[image_id].label)
    return next(one.labels[image_id] for one in contestants if image_id in one.labels)


def _place(image_id: str, label: int, champion: Contestant, challenger: Contestant) -> str:
    """The part of `Match`, the reason to leave an image out, or '' for what nobody misses."""
    if image_id in challenger.scores:
        if image_id in champion.scores:
            return "shared"
        if champion.roles is None:
            return NOT_RECORDED
        return FITTED_ON if champion.roles.get(image_id) in _FITTED else "for_champion"
    is_caught = label == 1 and champion.flags([champion.scores[image_id]])[0]
    return "for_challenger" if is_caught else ""


def compared(stores: Stores, match: Match, confidence: float) -> Comparison:
    """What both say, each at its own frozen threshold; images without a measurement are told of.

    Good boards count once however many images they have: one flagged image is a false call. Of
    defects every image counts: each that the champion flags and the challenger passes is named.
    """
    champion, challenger = match.champion, match.challenger
    fresh = frozen_scores(stores, champion.bundle, match.for_champion)
    again = frozen_scores(stores, challenger.bundle, _unserved(match))
    before, after = {**champion.scores, **fresh}, {**challenger.scores, **again}
    ids = (*match.shared, *fresh, *again)
    defects = [image_id for image_id in ids if match.labels[image_id] == 1]
    good = [image_id for image_id in ids if match.labels[image_id] == 0]
    caught_D = champion.flags(before[image_id] for image_id in defects)
    kept_D = challenger.flags(after[image_id] for image_id in defects)
    unmeasured = [image_id for image_id in match.for_champion if image_id not in fresh]
    left_out = {**match.left_out, **({NOT_MEASURED: len(unmeasured)} if unmeasured else {})}
    doubtful = [
        *_may_be_lost(match, unmeasured),
        *(i for i in match.for_challenger if i not in again),
    ]

    def judged(image_ids: Iterable[str]) -> tuple[JudgedDefect, ...]:
        return _judged(match, image_ids, before, after)

    return Comparison(
        false_calls=_false_calls(match, good, before, after, confidence),
        defects=len(defects),
        defects_set_threshold=sum(image_id in challenger.scores for image_id in defects),
        lost=judged(i for i, lost in zip(defects, caught_D & ~kept_D, strict=True) if lost),
        won=judged(i for i, won in zip(defects, kept_D & ~caught_D, strict=True) if won),
        unseen=judged(doubtful),
        left_out=tuple(sorted(left_out.items())),
    )


def _may_be_lost(match: Match, unmeasured: Sequence[str]) -> list[str]:
    """Defects that the challenger misses and that the champion, which cannot be asked, may catch."""
    asked = [i for i in (*match.unasked, *unmeasured) if match.labels[i] == 1]
    missed_D = ~match.challenger.flags(match.challenger.scores[image_id] for image_id in asked)
    return [image_id for image_id, missed in zip(asked, missed_D, strict=True) if missed]


def frozen_scores(stores: Stores, bundle: Bundle, image_ids: Sequence[str]) -> dict[str, float]:
    """Scores of those of the images that the bundle's instrument has measured."""
    made_by = bundle.line, bundle.features_fingerprint
    missing = set(stores.features(*made_by).missing(image_ids))
    known = [image_id for image_id in image_ids if image_id not in missing]
    scores_N = score_images(stores, *made_by, bundle.classifier, known)
    return dict(zip(known, scores_N.tolist(), strict=True))


def _unserved(match: Match) -> list[str]:
    """Defects that the challenger may be asked about: it was made of no such image."""
    roles = match.challenger.roles
    if roles is None:
        return []
    return [i for i in match.for_challenger if roles.get(i) not in _FITTED]


def _judged(
    match: Match,
    image_ids: Iterable[str],
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> tuple[JudgedDefect, ...]:
    """Named by file where today's snapshot has the image."""
    names = {row.image_id: row.source for row in match.snapshot.rows}
    return tuple(
        JudgedDefect(
            image_id=image_id,
            name=names.get(image_id, image_id),
            champion_score=_finite(before.get(image_id)),
            champion_threshold=match.champion.bundle.threshold,
            challenger_score=_finite(after.get(image_id)),
            challenger_threshold=match.challenger.bundle.threshold,
        )
        for image_id in image_ids
    )


def _finite(score: float | None) -> float | None:
    return score if score is not None and math.isfinite(score) else None


def _false_calls(
    match: Match,
    good: Sequence[str],
    before: Mapping[str, float],
    after: Mapping[str, float],
    confidence: float,
) -> PairedChange:
    development = labelled(match.snapshot, Role.DEVELOPMENT)
    groups = dict(zip(development.image_ids, development.groups or (), strict=False))
    units = [groups.get(image_id, image_id) for image_id in good]
    names, unit_N = np.unique(np.array(units, dtype=object), return_inverse=True)
    flagged_U = []
    for contestant, scores in ((match.champion, before), (match.challenger, after)):
        flagged_N = contestant.flags(scores[image_id] for image_id in good)
        flagged_U.append(np.bincount(unit_N[flagged_N], minlength=names.size) > 0)
    return paired_change(flagged_U[0], flagged_U[1], confidence)
