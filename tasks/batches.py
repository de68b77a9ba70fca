"""What a Dask worker runs on one batch: open the stores, call the rooms, commit, return what is small.

Imports no Prefect. Every function is idempotent: the stores know what is committed already.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from storage.images import ImageStore
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.alignment.aligners import AlignedBoard
from tasks.archive.decoding import decode
from tasks.archive.photograph import Photograph
from tasks.archive.reading import read_photograph
from tasks.certification.thresholds import flagged
from tasks.classification.persistence import load_composite_score
from tasks.classification.scoring import CompositeScore
from tasks.drift.quantities import RECONSTRUCTION_ERROR, light_of
from tasks.instrument import Instrument, Measurement
from tasks.intake import aligned
from tasks.jobs import Bundle, InstrumentSettings, Measuring, Observed, Verdict
from tasks.reporting.overlays import inspection_overlay
from tasks.suspected import Suspected
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from tasks.vocabulary.errors import InputError, NoAnswerError
from tasks.weighting.masks import weighting_mask

_LONGEST_STEM_BYTES = 200


@lru_cache(maxsize=1)
def instrument(root: Path | str, settings: InstrumentSettings) -> Instrument:
    """The instrument, loaded once a process; one thread, so that its figures are the same bits."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    return Instrument.load(Stores(root).registry, settings)


def _images(stores: Stores, measuring: Measuring) -> ImageStore:
    return _image_store(stores.root, measuring.line, measuring.images_fingerprint)


@lru_cache(maxsize=4)
def _image_store(root: Path | str, line: str, images_fingerprint: str) -> ImageStore:
    """One store a process: it remembers the receipts that it has read."""
    return Stores(root).images(line, images_fingerprint)


def build_mask(stores: Stores, measuring: Measuring, image_ids: tuple[str, ...]) -> Float32Array:
    """`[H, W]` weighting mask of the unseen normals `image_ids`."""
    images_NHWC = _images(stores, measuring).read(image_ids)
    loaded = instrument(stores.root, measuring.instrument)
    return weighting_mask(np.stack([loaded.difference(image_HWC) for image_HWC in images_NHWC]))


def distances_of_normals(
    stores: Stores, measuring: Measuring, batch: tuple[str, ...]
) -> list[tuple[Int64Array, Float64Array]]:
    """All distinct boxes laid on each unseen normal, `[K, 4]`, and their squared distances `[K]`."""
    images_NHWC = _images(stores, measuring).read(batch)
    loaded = instrument(stores.root, measuring.instrument)
    return [loaded.box_distances(image_HWC) for image_HWC in images_NHWC]


def columns_of(stores: Stores, measuring: Measuring) -> tuple[str, ...]:
    """Names of the metrics that this instrument gives."""
    return instrument(stores.root, measuring.instrument).columns


def measure_images(stores: Stores, measuring: Measuring, batch: tuple[str, ...]) -> Receipt:
    """Measure a batch of board images and commit their rows; an image without answer says why."""
    images_NHWC = _images(stores, measuring).read(batch)
    loaded = instrument(stores.root, measuring.instrument)
    measured = [_measured(loaded, image_HWC) for image_HWC in images_NHWC]
    nothing = np.full(len(loaded.columns), np.nan)
    features = stores.features(measuring.line, measuring.features_fingerprint)
    return features.write_batch(
        batch,
        np.stack([nothing if isinstance(m, str) else m.values_M for m in measured]),
        loaded.columns,
        [m if isinstance(m, str) else "ok" for m in measured],
        extras={},
        inputs={
            "images": measuring.images_fingerprint,
            "model": measuring.instrument.model_key,
            "mask": measuring.instrument.mask_key or "none",
            "scales": measuring.instrument.scales_key or "none",
            "memory": measuring.instrument.memory_key or "none",
        },
    )


def _measured(loaded: Instrument, image_HWC: UInt8Array) -> Measurement | str:
    try:
        return loaded.measure(image_HWC)
    except NoAnswerError as error:
        return str(error)


def look_at(
    stores: Stores, measuring: Measuring, image_ids: tuple[str, ...]
) -> list[tuple[UInt8Array, Measurement | str]]:
    """Boards with their measurements, for a person to look at: a handful, not a batch."""
    images_NHWC = _images(stores, measuring).read(image_ids)
    loaded = instrument(stores.root, measuring.instrument)
    return [(image_HWC, _measured(loaded, image_HWC)) for image_HWC in images_NHWC]


@lru_cache(maxsize=1)
def _composite_score(root: Path | str, classifier: str) -> CompositeScore:
    return load_composite_score(Stores(root).registry.open("classifiers", classifier) / "score")


def inspect_files(
    stores: Stores,
    bundle: Bundle,
    overlays: Path,
    passes_none: str | None,
    batch: tuple[Path, ...],
) -> list[Verdict]:
    """A verdict for every file, whatever is wrong with it: no answer is 'flagged', never 'passed'.

    `passes_none` says why nothing may pass just now; None where the threshold decides.
    """
    return [_inspected(stores, bundle, overlays, passes_none, path) for path in batch]


def _inspected(
    stores: Stores, bundle: Bundle, overlays: Path, passes_none: str | None, path: Path
) -> Verdict:
    loaded = instrument(stores.root, bundle.instrument)
    composite = _composite_score(stores.root, bundle.classifier)
    digest = None
    try:
        content = read_photograph(Photograph(str(path), path.name, None))
        digest = hashlib.sha256(content).hexdigest()
        photograph_HWC = decode(content, bundle.photograph)
        made = aligned(photograph_HWC, stores.root, bundle.alignment, bundle.reference)
        measured = loaded.measure(made.board_HWC)
        scores_1 = composite.score(measured.values_M[None])
        suspected = Suspected.on(made, photograph_HWC.shape[:2], measured, loaded.mask_HW)
    except OSError as error:
        return Verdict.without_answer(path, bundle, f"The file cannot be read ({error.strerror}).")
    except (InputError, NoAnswerError) as error:
        return Verdict.without_answer(path, bundle, str(error), digest)
    is_flagged = bool(flagged(scores_1, bundle.threshold)[0])
    found = suspected.candidates
    verdict = Verdict(
        file=str(path),
        digest=digest,
        verdict="flagged" if is_flagged or passes_none else "passed",
        score=float(scores_1[0]) if np.isfinite(scores_1[0]) else None,
        threshold=bundle.threshold,
        reason=passes_none if np.isfinite(scores_1[0]) else "The composite score is not finite.",
        candidates=tuple(
            (top, left, bottom, right, score)
            for (top, left, bottom, right), score in zip(
                found.boxes_Q4.tolist(), found.scores_Q.tolist(), strict=True
            )
        ),
        overlay=None,
        size_hw=photograph_HWC.shape[:2],
        regions=suspected.regions,
        observed=_observed(loaded, made, measured),
    )
    return _with_overlay(verdict, overlays, made.board_HWC, measured, suspected)


def _observed(loaded: Instrument, made: AlignedBoard, measured: Measurement) -> Observed:
    found = made.registration
    brightness, spread = light_of(made.board_HWC)
    difference = measured.values_M[loaded.columns.index(RECONSTRUCTION_ERROR)]
    return Observed(
        None if found is None else float(found.residual_px), brightness, spread, float(difference)
    )


def _with_overlay(
    verdict: Verdict,
    overlays: Path,
    image_HWC: UInt8Array,
    measured: Measurement,
    suspected: Suspected,
) -> Verdict:
    score = "none" if verdict.score is None else f"{verdict.score:.4g}"
    picture = inspection_overlay(
        image_HWC,
        measured.reconstruction_HWC,
        measured.difference_HW,
        suspected.candidates.boxes_Q4,
        suspected.candidates.scores_Q,
        f"{verdict.verdict}: score {score}, threshold {verdict.threshold:.4g}",
        suspected.picture,
    )
    # The digest keeps two files of one name apart; the longest names leave no room for it.
    stem = os.fsdecode(os.fsencode(Path(verdict.file).stem)[:_LONGEST_STEM_BYTES])
    place = overlays / f"{stem}-{(verdict.digest or '')[:8]}.png"
    place.write_bytes(picture)
    return replace(verdict, overlay=str(place))
