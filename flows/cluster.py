"""From the settings of Dask to the workers of a run."""

from __future__ import annotations

from functools import partial

from flows.certified_artifacts import publish_dashboard
from flows.settings import DaskSettings
from tasks.workers import Tls, Workers


def workers_of(
    settings: DaskSettings, count: int | None = None, line: str | None = None
) -> Workers:
    """The workers that these settings name, not started yet; `count` instead of as many as they say.

    With the name of a `line`, the run leaves a link to their dashboard in Prefect when they start.
    """
    return Workers(
        settings.address,
        count or settings.workers,
        settings.batch_images,
        tls_of(settings),
        started=partial(publish_dashboard, line) if line is not None else None,
    )


def tls_of(settings: DaskSettings) -> Tls | None:
    """The files of an encrypted connection; the settings have all of them or none."""
    if settings.tls_ca and settings.tls_cert and settings.tls_key:
        return Tls(settings.tls_ca, settings.tls_cert, settings.tls_key)
    return None
