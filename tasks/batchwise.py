"""What verbs let the workers do in batches: take photographs in, and measure board images.

Two runs on one store may want the same: `taking_in` and `extraction` name the locks under which each of
them looks what is missing and does it, so that nothing is done or stored twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from storage.stores import Stores
from tasks.accounting import TakenIn
from tasks.archive.photograph import Photograph
from tasks.archive.reading import read_photograph
from tasks.archive.sorting import Refusal, unreadable
from tasks.batches import columns_of, measure_images
from tasks.intake import take_in
from tasks.jobs import BoardMaking, Measuring
from tasks.workers import Poisoned, Workers

POISONED = "Measuring this image kills the process that tries; a person must look at it."


def taking_in(line: str) -> str:
    """Lock of whoever adds board images of a line."""
    return f"ingest-{line}"


def extraction(measuring: Measuring) -> str:
    """Lock of whoever adds rows of metrics under one fingerprint."""
    return f"extract-{measuring.features_fingerprint}"


def taken_in(
    stores: Stores,
    making: BoardMaking,
    photographs: Sequence[Photograph],
    workers: Workers,
    size: int | None = None,
) -> Iterator[list[TakenIn]]:
    """Store the board images of photographs; yields what became of each batch, as batches end."""
    work = partial(take_in, stores, making)
    for batch, outcome in workers.map_batches(work, photographs, size):
        yield [_poisoned(batch[0])] if isinstance(outcome, Poisoned) else outcome


def measured(
    stores: Stores,
    measuring: Measuring,
    image_ids: Sequence[str],
    workers: Workers,
    size: int | None = None,
) -> Iterator[int]:
    """Commit a row of metrics for each image; yields how many, as batches end.

    An image that kills its worker again and again gets a row that says so: no score, always flagged.
    """
    features = stores.features(measuring.line, measuring.features_fingerprint)
    work = partial(measure_images, stores, measuring)
    for batch, outcome in workers.map_batches(work, image_ids, size):
        if isinstance(outcome, Poisoned):
            columns = workers.run(partial(columns_of, stores, measuring))
            nothing = np.full((1, len(columns)), np.nan)
            features.write_batch(batch, nothing, columns, [POISONED], extras={}, inputs={})
        yield len(batch)


def _poisoned(photograph: Photograph) -> TakenIn:
    try:
        digest = hashlib.sha256(read_photograph(photograph)).hexdigest()
    except OSError as error:
        return TakenIn(photograph, None, unreadable(photograph, None, error))
    reason = "Decoding this file kills the process that tries."
    remedy = "Look at the file; it may be damaged or far too large."
    return TakenIn(photograph, digest, Refusal(photograph, digest, "poisoned", reason, remedy))
