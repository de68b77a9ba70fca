"""Verb: measure every board image that has no row of metrics yet, in batches on Dask."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.stores import Stores
from tasks.batchwise import extraction, measured
from tasks.jobs import InstrumentSettings, Measuring
from tasks.perception.identity import weights_identity
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.workers import Workers


@task(name="extract", **RETRYING)
def extract(
    stores: Stores, measuring: Measuring, image_ids: Sequence[str], workers: Workers
) -> int:
    """Commit a row of metrics for each image that lacks one; return how many were measured now.

    An image that kills its worker again and again gets a row that says so: no score, always flagged.
    A backfill that measures with the same instrument stands back until this has ended.
    """
    features = stores.features(measuring.line, measuring.features_fingerprint)
    with stores.exclusive(extraction(measuring)):
        missing, done = features.missing(image_ids), 0
        for count in measured(stores, measuring, missing, workers):
            done += count
            report_progress("extract", done, len(missing))
    return len(missing)


def features_fingerprint(instrument: InstrumentSettings, images_fingerprint: str) -> str:
    """Everything that decides a row of metrics: images, learnt parts, backbones, settings, code."""
    return fingerprint(
        {
            "images": images_fingerprint,
            "model": instrument.model_key,
            "mask": instrument.mask_key,
            "scales": instrument.scales_key,
            "memory": instrument.memory_key,
            "perception": instrument.perception.model_dump(mode="json"),
            "perception_weights": weights_identity(instrument.perception),
            "candidate_perception": instrument.candidate_perception.model_dump(mode="json"),
            "candidate_perception_weights": weights_identity(instrument.candidate_perception),
            "candidates": instrument.candidates.model_dump(mode="json"),
            "code": code_digest(
                "tasks.candidates",
                "tasks.instrument",
                "tasks.memory",
                "tasks.metrics",
                "tasks.perception",
                "tasks.reconstruction",
                "tasks.vocabulary",
            ),
        }
    )
