"""How many runs may train or measure at a time: Prefect's global concurrency limits `gpu` and `cpu`.

A limit that nobody made does not hold anybody up: `serve` and `deploy` make both, one slot each, and leave
alone what a person has set (`prefect gcl update cpu --limit 2`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound

from tasks.reconstruction.devices import training_device
from tasks.reconstruction.settings import ReconstructionSettings

Resource = Literal["gpu", "cpu"]
RESOURCES: tuple[Resource, ...] = ("gpu", "cpu")


@contextmanager
def turn(resource: Resource, *, needed: bool) -> Iterator[None]:
    """Wait for a slot and hold it within the block; nothing where none is `needed` or no limit is made.

    A slot whose holder was killed is free again after five minutes.
    """
    if not needed or not _is_limited(resource):
        yield
        return
    # A server that is away for a while must not stop a training that is at work.
    with concurrency(resource, raise_on_lease_renewal_failure=False):
        yield


def training_resource(settings: ReconstructionSettings) -> Resource:
    """What a training of this kind occupies on this machine; raises `InputError` for no such device."""
    device = getattr(settings, "device", "cpu")
    return "gpu" if training_device(device).type == "cuda" else "cpu"


def make_limits() -> list[Resource]:
    """Make the limits that are missing, one slot each; returns their names."""
    made = []
    with get_client(sync_client=True) as client:
        for resource in RESOURCES:
            if not _is_limited(resource):
                client.upsert_global_concurrency_limit_by_name(resource, 1)
                made.append(resource)
    return made


def _is_limited(resource: Resource) -> bool:
    with get_client(sync_client=True) as client:
        try:
            return client.read_global_concurrency_limit_by_name(resource).active
        except ObjectNotFound:
            return False
