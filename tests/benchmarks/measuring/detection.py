"""Which road detects better? Out-of-fold scores of the same development images, paired.

Legend: N images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tasks.certification.figures import auroc, figures_at, partial_auroc
from tasks.certification.thresholds import zfn_threshold
from tasks.extract import extract
from tasks.fit import fit
from tasks.jobs import Measuring
from tasks.progress import Listener, listening
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.workers import Workers
from tests.benchmarks.alignment.learnt import Learnt

DRAWS, CONFIDENCE = 2_000, 0.95
Figure = Callable[[Float64Array, Int64Array], float]


def false_calls_at_zero_escapes(scores_N: Float64Array, labels_N: Int64Array) -> float:
    """Share of the normals at or above the lowest score of an abnormal image."""
    threshold = zfn_threshold(scores_N[labels_N == 1])
    return figures_at(scores_N, labels_N, threshold).false_positive_rate


FIGURES: dict[str, Figure] = {
    "auroc": auroc,
    "partial_auroc": partial_auroc,
    "false_calls_at_zero_escapes": false_calls_at_zero_escapes,
}


def detected(
    line: Learnt,
    measuring: Mapping[str, Measuring],
    per_class: int,
    workers: Workers,
    heard: Listener,
) -> dict[str, Any]:
    """Figures of every road, and what the exact one is better by, with a paired bootstrap interval.

    Every road measures the first `per_class` development images of each class (what is measured already
    is found again), and the classifiers are fitted and chosen on its metrics by the line's settings.
    """
    images = first_of_each_class(line.development, per_class)
    sheets: dict[str, ScoreSheet] = {}
    with listening(heard):
        for name, on_road in measuring.items():
            sheets[name] = _out_of_fold(line, on_road, images, workers)
    labels_N = images.labels_N
    return {
        name: {
            "images": len(labels_N),
            **{key: figure(sheet.scores_N, labels_N) for key, figure in FIGURES.items()},
            "exact_minus_this": {
                key: paired(sheets["exact"].scores_N, sheet.scores_N, labels_N, figure)
                for key, figure in FIGURES.items()
            },
        }
        for name, sheet in sheets.items()
    }


def first_of_each_class(images: Labelled, per_class: int) -> Labelled:
    """The first images of each class in their order, which is that of their digests: a fair draw."""
    kept = sorted(
        int(at) for label in (0, 1) for at in np.flatnonzero(images.labels_N == label)[:per_class]
    )
    return Labelled(
        tuple(images.image_ids[at] for at in kept), tuple(images.labels[at] for at in kept)
    )


def _out_of_fold(
    line: Learnt, measuring: Measuring, images: Labelled, workers: Workers
) -> ScoreSheet:
    extract.fn(line.stores, measuring, images.image_ids, workers)
    classifier = fit.fn(line.stores, measuring, line.settings.classification, images, workers)
    folder = line.stores.registry.open("classifiers", classifier.key) / "out-of-fold"
    return ScoreSheet.from_json((folder / f"{classifier.facts['chosen']}.json").read_bytes())


def paired(
    first_N: Float64Array, second_N: Float64Array, labels_N: Int64Array, figure: Figure
) -> dict[str, float]:
    """Difference of a figure and its percentile interval over resampled images of both classes."""
    generator = np.random.default_rng(0)
    classes = [np.flatnonzero(labels_N == label) for label in (0, 1)]
    differences = []
    for _ in range(DRAWS):
        drawn = np.concatenate([generator.choice(members, members.size) for members in classes])
        differences.append(
            figure(first_N[drawn], labels_N[drawn]) - figure(second_N[drawn], labels_N[drawn])
        )
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    whole = figure(first_N, labels_N) - figure(second_N, labels_N)
    return {"difference": float(whole), "low": float(low), "high": float(high)}
