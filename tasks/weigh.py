"""Verb: build the weighting mask from normals that the reconstruction has never seen."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.batches import build_mask
from tasks.jobs import Measuring
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Workers


@task(name="weigh", **RETRYING)
def weigh(
    stores: Stores, measuring: Measuring, image_ids: tuple[str, ...], workers: Workers
) -> Receipt:
    """Commit the mask of these unseen normals for the model that `measuring` names."""
    key = fingerprint(
        {
            "model": measuring.instrument.model_key,
            "images": measuring.images_fingerprint,
            "image_ids": image_ids,
            "code": code_digest("tasks.weighting", "tasks.reconstruction"),
        }
    )
    if committed := stores.registry.find("masks", key):
        return committed
    report_progress("mask", 0, len(image_ids))
    mask_HW = workers.run(partial(build_mask, stores, measuring, image_ids))
    content = io.BytesIO()
    np.save(content, mask_HW, allow_pickle=False)
    report_progress("mask", len(image_ids), len(image_ids))
    return stores.registry.put(
        "masks",
        key,
        {"mask.npy": content.getvalue()},
        inputs={"model": measuring.instrument.model_key, "images": measuring.images_fingerprint},
        facts={"images": len(image_ids)},
    )
