"""Verb: remember what normals look like to the backbone."""

from __future__ import annotations

from functools import partial

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.jobs import Memorising
from tasks.perception.identity import weights_identity
from tasks.progress import report_progress
from tasks.remembering import remember_normals
from tasks.retrying import RETRYING
from tasks.workers import Workers


@task(name="memorise", **RETRYING)
def memorise(stores: Stores, job: Memorising, workers: Workers) -> Receipt:
    """Commit the memory of these normals; no reconstruction enters it, so it outlives trainings.

    One worker does it, in the order of the images, because the order of sums shows in their last bits.
    """
    key = memory_key(job)
    if committed := stores.registry.find("memories", key):
        return committed
    report_progress("memorise", 0, len(job.image_ids))
    receipt = workers.run(partial(remember_normals, stores, job, key))
    report_progress("memorise", len(job.image_ids), len(job.image_ids))
    return receipt


def memory_key(job: Memorising) -> str:
    """Everything that decides a memory: images, backbone, settings, code."""
    return fingerprint(
        {
            "images": job.images_fingerprint,
            "image_ids": job.image_ids,
            "perception": job.perception.model_dump(mode="json"),
            "perception_weights": weights_identity(job.perception),
            "memory": job.memory.model_dump(mode="json"),
            "placed": job.placed,
            "code": code_digest("tasks.memory", "tasks.perception", "tasks.vocabulary"),
        }
    )
