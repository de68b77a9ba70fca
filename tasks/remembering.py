"""What a Dask worker runs to remember normals: one pass of the backbone, and one commit.

Imports no Prefect.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from storage.receipts import Receipt
from storage.stores import Stores
from tasks.instrument import MEMORY_FILE
from tasks.jobs import Memorising
from tasks.memory.recollection import Maps, memory_of, written_memory
from tasks.perception.backbone import Perception, build_perception
from tasks.vocabulary.tensors import board_images

_IMAGES_AT_ONCE = 32


def remember_normals(stores: Stores, job: Memorising, key: str) -> Receipt:
    """Commit the memory of a job's normals under its key."""
    torch.set_num_threads(1)
    perception = build_perception(job.perception)
    with torch.inference_mode():
        memory = memory_of(
            _seen(stores, job, perception),
            len(job.image_ids),
            perception.strides,
            job.memory,
            job.placed,
        )
    return stores.registry.put(
        "memories",
        key,
        {MEMORY_FILE: written_memory(memory)},
        inputs={"images": job.images_fingerprint},
        facts={"images": len(job.image_ids), "placed": job.placed},
    )


def _seen(stores: Stores, job: Memorising, perception: Perception) -> Iterator[tuple[str, Maps]]:
    """Each normal's feature maps, one image at a time as everywhere, in the order of the job."""
    images = stores.images(job.line, job.images_fingerprint)
    for start in range(0, len(job.image_ids), _IMAGES_AT_ONCE):
        batch = job.image_ids[start : start + _IMAGES_AT_ONCE]
        for image_id, image_HWC in zip(batch, images.read(batch), strict=True):
            maps = perception(board_images(image_HWC[None]))
            yield image_id, tuple(map_1Chw[0] for map_1Chw in maps)
