"""Verb: learn what the Fréchet distance of a box of each size comes to on unseen normals."""

from __future__ import annotations

from functools import partial

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.batches import distances_of_normals
from tasks.candidates.scales import box_scales, written_scales
from tasks.jobs import Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.vocabulary.errors import InputError
from tasks.workers import Poisoned, Workers


@task(name="standardise", **RETRYING)
def standardise(
    stores: Stores, measuring: Measuring, image_ids: tuple[str, ...], workers: Workers
) -> Receipt:
    """Commit the scales of these unseen normals for the instrument that `measuring` names.

    An image that kills its worker, and normals without any difference, are an `InputError`.
    """
    key = fingerprint(
        {
            "without_scales": measuring.features_fingerprint,
            "image_ids": image_ids,
            "code": code_digest("tasks.standardise"),
        }
    )
    if committed := stores.registry.find("scales", key):
        return committed
    boxes, distances = {}, {}
    measure = partial(distances_of_normals, stores, measuring)
    for batch, outcome in workers.map_batches(measure, image_ids):
        if isinstance(outcome, Poisoned):
            raise InputError(
                f"Measuring the normal {outcome.item} kills the process that tries.",
                "Look at this image; take it out of the archive if it is damaged.",
            )
        for image_id, (boxes_K4, distances_K) in zip(batch, outcome, strict=True):
            boxes[image_id], distances[image_id] = boxes_K4, distances_K
        report_progress("standardise", len(boxes), len(image_ids))
    scales = box_scales([distances[one] for one in image_ids], [boxes[one] for one in image_ids])
    return stores.registry.put(
        "scales",
        key,
        {"scales.json": written_scales(scales)},
        facts={"images": len(image_ids)},
    )
