"""What the paper of a published system would show of a run, for the report.

Imports no Prefect: what searches latents runs on Dask workers.
Legend: N images, D dimensions of a latent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from storage.features import FeatureTable
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.batches import instrument
from tasks.certification.crossing import density_crossing, fitted_density
from tasks.certification.figures import auroc, figures_at
from tasks.certification.thresholds import zfn_threshold
from tasks.jobs import Measuring
from tasks.metrics.system import SYSTEM_ROWS
from tasks.progress import report_progress
from tasks.reconstruction.dcgan_reconstructor import DcganReconstructor
from tasks.reconstruction.latent_distance import LatentDistanceReconstructor
from tasks.reconstruction.latent_figures import latent_figures
from tasks.reconstruction.latent_gaussians import set_distance
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reporting.published_content import (
    LatentPictures,
    OwnCut,
    OwnScoreRow,
    PublishedContent,
    SetDistance,
    SetDistances,
)
from tasks.score_sheet import LABELS, Labelled, labelled
from tasks.trials import answered
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError
from tasks.vocabulary.tensors import board_images
from tasks.workers import Poisoned, Workers

PUBLISHED_CODE = (
    "tasks.published",
    "tasks.certification.crossing",
    "tasks.metrics.system",
    "tasks.reconstruction.latent_figures",
    "tasks.reconstruction.latent_gaussians",
)
"""Modules that decide what is shown, beside those of every report."""

_MOST_IMAGES = 100
_SEED = 0  # of the map, its drawings and the pair that the way joins
_ROWS = {row.name: row for row in SYSTEM_ROWS}


def as_published(
    stores: Stores, measuring: Measuring, snapshot: Snapshot, judged: Labelled, workers: Workers
) -> PublishedContent | None:
    """The own scores of the `judged` images and what is found in latents; None without own scores.

    InputError where the committed metrics lack an own score.
    """
    settings = measuring.instrument
    built = build_reconstructor(settings.reconstruction, settings.image_shape_CHW)
    if not built.own_scores:
        return None
    table = stores.features(measuring.line, measuring.features_fingerprint).table(judged.image_ids)
    known_N = answered(table)
    labels_N = judged.labels_N[known_N]
    pictures = distances = None
    unseen = _first_ids(labelled(snapshot, Role.MASK), "normal")
    if isinstance(built, DcganReconstructor):
        pictures = workers.run(partial(_pictures, stores, measuring, unseen))
    if isinstance(built, LatentDistanceReconstructor):
        sets = {
            "unseen good boards (role mask)": unseen,
            "good boards of development": _first_ids(judged, "normal", known_N),
            "defects of development": _first_ids(judged, "abnormal", known_N),
        }
        distances = _distances(stores, measuring, sets, workers)
    return PublishedContent(
        own_score_rows(table, judged.labels_N, built.own_scores),
        n_normal=int(np.count_nonzero(labels_N == LABELS["normal"])),
        n_abnormal=int(np.count_nonzero(labels_N == LABELS["abnormal"])),
        unanswered=int(np.count_nonzero(~known_N)),
        pictures=pictures,
        distances=distances,
    )


def own_score_rows(
    table: FeatureTable, labels_N: Int64Array, names: Sequence[str]
) -> tuple[OwnScoreRow, ...]:
    """One row an own score, on the images that have an answer; the paper decides by the first name.

    InputError where the table lacks one of them.
    """
    known_N = answered(table)
    rows = []
    for name in names:
        column = f"{_ROWS[name].level}.{name}"
        if column not in table.columns:
            raise InputError(
                f"The metrics of these images have no column {column}, though the reconstructor "
                "scores images by it.",
                "Extract them again with this version.",
            )
        scores_N = table.values_NM[known_N, table.columns.index(column)]
        rows.append(_row(name, column, scores_N, labels_N[known_N], decides=name == names[0]))
    return tuple(rows)


def _row(
    name: str, column: str, scores_N: Float64Array, labels_N: Int64Array, *, decides: bool
) -> OwnScoreRow:
    normal_N = scores_N[labels_N == LABELS["normal"]]
    abnormal_N = scores_N[labels_N == LABELS["abnormal"]]
    return OwnScoreRow(
        column=column,
        meaning=_ROWS[name].formula,
        source=_ROWS[name].source,
        auroc=auroc(scores_N, labels_N) if normal_N.size and abnormal_N.size else math.nan,
        crossing=_cut(
            lambda: density_crossing(fitted_density(normal_N), fitted_density(abnormal_N)),
            scores_N,
            labels_N,
        ),
        zero_escape=_cut(lambda: zfn_threshold(abnormal_N), scores_N, labels_N),
        decides=decides,
    )


def _cut(
    threshold_of: Callable[[], float], scores_N: Float64Array, labels_N: Int64Array
) -> OwnCut | str:
    try:
        threshold = threshold_of()
    except (InputError, NoSafeThresholdError) as error:
        return error.what
    at = figures_at(scores_N, labels_N, threshold)
    return OwnCut(threshold, at.escapes, at.false_calls)


def _first_ids(images: Labelled, label: str, chosen_N: BoolArray | None = None) -> tuple[str, ...]:
    """The first ids of a label. Ids are digests of content, so their order says nothing of an image."""
    wanted_N = images.labels_N == LABELS[label]
    if chosen_N is not None:
        wanted_N &= chosen_N
    ids = sorted(images.image_ids[row] for row in np.flatnonzero(wanted_N))
    return tuple(ids[:_MOST_IMAGES])


def _pictures(
    stores: Stores, measuring: Measuring, image_ids: tuple[str, ...]
) -> LatentPictures | str:
    """Runs on a worker; says why where there are too few images."""
    try:
        made = latent_figures(
            _dcgan(stores, measuring),
            stores.images(measuring.line, measuring.images_fingerprint).read(image_ids),
            _SEED,
        )
    except InputError as error:
        return error.what
    return LatentPictures(made.map_png, made.interpolation_png, len(image_ids))


def _distances(
    stores: Stores, measuring: Measuring, sets: dict[str, tuple[str, ...]], workers: Workers
) -> SetDistances | str:
    """Of equally large sets: the first images of each, as many as the smallest has."""
    each = min(map(len, sets.values()))
    if each == 0:
        return "One of the sets to compare has no image."
    wanted = [image_id for ids in sets.values() for image_id in ids[:each]]
    found = _found(stores, measuring, wanted, workers)
    latents = [np.stack([found[image_id] for image_id in ids[:each]]) for ids in sets.values()]
    told = workers.run(partial(_set_distances, stores, measuring, latents))
    rows = [SetDistance(name, distance) for name, distance in zip(sets, told, strict=True)]
    return SetDistances(each, tuple(rows))


def _found(
    stores: Stores, measuring: Measuring, image_ids: Sequence[str], workers: Workers
) -> dict[str, Float64Array]:
    """The latent `[D]` of each image; InputError for one that kills the worker that searches."""
    found: dict[str, Float64Array] = {}
    for batch, outcome in workers.map_batches(partial(_latents, stores, measuring), image_ids):
        if isinstance(outcome, Poisoned):
            raise InputError(
                f"To search the latent of {outcome.item} kills the process that tries.",
                "Look at the memory of the machine.",
            )
        found |= zip(batch, outcome, strict=True)
        report_progress("latents", len(found), len(image_ids))
    return found


def _latents(
    stores: Stores, measuring: Measuring, image_ids: tuple[str, ...]
) -> list[Float64Array]:
    """Runs on a worker: the same bits whatever the batch."""
    searcher = _dcgan(stores, measuring)
    images_NHWC = stores.images(measuring.line, measuring.images_fingerprint).read(image_ids)
    return list(searcher.latents(board_images(images_NHWC)).numpy().astype(np.float64))


def _set_distances(
    stores: Stores, measuring: Measuring, sets_ND: Sequence[Float64Array]
) -> list[float]:
    """Runs on a worker."""
    loaded = _dcgan(stores, measuring)
    assert isinstance(loaded, LatentDistanceReconstructor)  # noqa: S101 - the same settings built one
    return [set_distance(latents_ND, loaded.good) for latents_ND in sets_ND]


def _dcgan(stores: Stores, measuring: Measuring) -> DcganReconstructor:
    """The reconstructor of this process's instrument, which is such a member."""
    loaded = instrument(stores.root, measuring.instrument).reconstructor
    assert isinstance(loaded, DcganReconstructor)  # noqa: S101 - the same settings built one
    return loaded
