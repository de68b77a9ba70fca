"""Verb: what a reconstruction that learnt from some abnormal images still tells by its own scores.

Legend: N judging images, S own scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.classification.developing import Trial
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.paired import paired_auroc, pooled_auroc
from tasks.contamination.mixing import Plan
from tasks.progress import report_progress
from tasks.reconstruction.persistence import build_reconstructor, load_reconstructor
from tasks.reconstruction.settings import ReconstructionSettings
from tasks.retrying import RETRYING
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images


@dataclass(frozen=True)
class Contamination:
    """What is judged: the mixtures, the models that learnt from them, and of which line."""

    line: str
    images_fingerprint: str
    image_shape_CHW: tuple[int, int, int]
    reconstruction: ReconstructionSettings
    plan: Plan
    models: tuple[str, ...]

    @property
    def key(self) -> str:
        """The same question is answered once."""
        return fingerprint(
            {
                "study": "contamination",
                "images": self.images_fingerprint,
                "plan": asdict(self.plan),
                "models": self.models,
                "code": code_digest(
                    "tasks.reconstruction", "tasks.classification", "tasks.contaminate"
                ),
            }
        )


def own_scores_of(
    reconstruction: ReconstructionSettings, image_shape_CHW: tuple[int, int, int]
) -> tuple[str, ...]:
    """Names of what such a reconstructor scores by itself; InputError where it has no own score."""
    names = build_reconstructor(reconstruction, image_shape_CHW).own_scores
    if not names:
        raise InputError(
            f"A reconstruction of kind {reconstruction.kind} has no score of its own.",
            "Study a line whose reconstruction has one, for example `vae` or `ganomaly`.",
        )
    return names


@task(name="judge contamination", **RETRYING)
def judge_contamination(stores: Stores, asked: Contamination) -> Receipt:
    """Commit the AUROC of each own score for each share, and what it lost to the smallest share.

    Limits are those of `paired`: of other images of this kind, with the trainings as they are.
    """
    if committed := stores.registry.find("evaluations", asked.key):
        return committed
    names = own_scores_of(asked.reconstruction, asked.image_shape_CHW)
    judging, mixtures = asked.plan.judging, asked.plan.mixtures
    labels_N = np.asarray(judging.labels, dtype=np.int64)
    scored = [_scores(stores, asked, at) for at in range(len(mixtures))]
    rows = [
        {
            "share": mixture.share,
            "training_images": len(mixture.training_ids),
            "abnormal": len(mixture.mixed),
            "model": model,
            "scores": _figures(names, scores_NS, scored[0], labels_N, judging.groups),
        }
        for mixture, model, scores_NS in zip(mixtures, asked.models, scored, strict=True)
    ]
    content = {
        "kind": asked.reconstruction.kind,
        "own_scores": names,
        "n_normal": int(np.count_nonzero(labels_N == 0)),
        "n_abnormal": int(np.count_nonzero(labels_N == 1)),
        "mixed": list(mixtures[-1].mixed),
        "rows": rows,
    }
    files = {"evaluation.json": json.dumps(content, indent=1).encode()}
    return stores.registry.put("evaluations", asked.key, files)


def _scores(stores: Stores, asked: Contamination, at: int) -> Float64Array:
    """`float64 [N, S]`: own scores of the judging images by one model."""
    weights = stores.registry.open("models", asked.models[at]) / "weights.safetensors"
    loaded = load_reconstructor(asked.reconstruction, asked.image_shape_CHW, weights)
    images = stores.images(asked.line, asked.images_fingerprint)
    share, ids = asked.plan.mixtures[at].share, asked.plan.judging.image_ids
    total = len(ids) * len(asked.models)
    rows = []
    for done, image_id in enumerate(ids, start=at * len(ids) + 1):
        made = loaded.reconstruct(board_images(images.read((image_id,))))
        assert made.scores_NS is not None  # noqa: S101 - promised by `own_scores`
        rows.append(made.scores_NS[0].numpy())
        report_progress("own scores", done, total, f"{100 * share:.3g} % abnormal")
    return np.stack(rows).astype(np.float64)


def _figures(
    names: Sequence[str],
    scores_NS: Float64Array,
    first_NS: Float64Array,
    labels_N: Int64Array,
    groups: tuple[str, ...] | None,
) -> Mapping[str, Any]:
    of_groups = None if groups is None else np.asarray(groups)
    told = {}
    for column, name in enumerate(names):
        ours, theirs = ([_as_trial(x[:, column])] for x in (scores_NS, first_NS))
        told[name] = {
            "auroc": asdict(pooled_auroc(ours, labels_N, of_groups)),
            "change": asdict(paired_auroc(ours, theirs, labels_N, of_groups)),
        }
    return told


def _as_trial(scores_N: Float64Array) -> FoldTrial:
    """Scores of images that nothing was fitted on: one testing part holds them all."""
    everyone = tuple(range(len(scores_N)))
    return FoldTrial(0, 0, (), everyone, Trial("own score", {}, ()), tuple(scores_N.tolist()), "")
