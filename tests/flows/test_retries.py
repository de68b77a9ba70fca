"""Prefect tries again what may pass by itself, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from storage.errors import StorageFullError, TransientStorageError
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import FolderSource, PhotographSettings, RoleSettings
from tasks.ingest import ingest
from tasks.jobs import IngestJob
from tasks.progress import Progress, listening
from tasks.retrying import RETRYING, ProcessLostError
from tasks.vocabulary.errors import InputError, NoSafeThresholdError
from tasks.workers import Workers
from tests.product_line import write_archive

pytestmark = pytest.mark.slow

ATTEMPTS = 1 + int(RETRYING["retries"])


@pytest.fixture(autouse=True)
def _our_server(environment: dict[str, str]) -> Iterator[None]:
    with temporary_settings(
        {
            PREFECT_API_URL: environment["PREFECT_API_URL"],
            PREFECT_HOME: Path(environment["PREFECT_HOME"]),
        }
    ):
        yield


def attempts_until_given_up(error: Exception) -> int:
    attempts = 0

    @task(**{**RETRYING, "retry_delay_seconds": 0})
    def failing() -> None:
        nonlocal attempts
        attempts += 1
        raise error

    @flow(name="failing")
    def conduct() -> None:
        failing()

    with pytest.raises(type(error)):
        conduct()
    return attempts


@pytest.mark.parametrize(
    "error",
    [
        TransientStorageError("The disk did not answer.", "Run again."),
        ProcessLostError("killed by signal 9"),
        TimeoutError("too late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert attempts_until_given_up(error) == ATTEMPTS


@pytest.mark.parametrize(
    "error",
    [
        InputError("The archive is empty.", "Fill it."),
        NoSafeThresholdError("No defect is known.", "Collect some."),
        StorageFullError("No room.", "Make room."),
        RuntimeError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stays_wrong_is_tried_once(error: Exception) -> None:
    assert attempts_until_given_up(error) == 1


def test_a_verb_goes_on_after_a_storage_that_did_not_answer(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", {"normal": 6, "abnormal": 3})
    job = IngestJob(
        "tiles",
        FolderSource(path=archive),
        PhotographSettings(height_px=64, width_px=64, channels=1),
        NoAlignment(side_px=64),
        RoleSettings.model_validate(
            {
                "reconstruction": 2,
                "validation": 1,
                "mask": 1,
                "development": {"normal": 2, "abnormal": 2},
            }
        ),
    )
    stores = Stores(tmp_path / "store")
    read: list[Progress] = []

    def disturbing(progress: Progress) -> None:
        """Listens as a bar does; the first time it hears of the archive, the network is gone."""
        if progress.stage == "list archive":
            read.append(progress)
            if len(read) == 1:
                raise TransientStorageError("The network is gone.", "Run again.")

    @flow(name="disturbed")
    def conduct() -> int:
        with Workers(None, 1, 4) as workers, listening(disturbing):
            return ingest.with_options(retry_delay_seconds=0)(stores, job, None, workers).snapshot

    snapshot = stores.snapshots("tiles").read(conduct())
    assert len(snapshot.rows) == 9
    assert len(read) == 3
