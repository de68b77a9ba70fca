"""Dask behind certificates: flows get in with theirs, and nobody without."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cluster import workers_of
from flows.settings import DaskSettings
from tasks.workers import SchedulerUnreachableError
from tests.product_line import REPOSITORY, kill_group

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the documented commands."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


def make_certificates(folder: Path) -> None:
    subprocess.run(
        [
            "sh",
            str(REPOSITORY / "infra" / "dask-certificates.sh"),
            str(folder),
            "dask.plant",
            "10.0.0.7",
        ],
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def scheduler(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an encrypted scheduler with one encrypted worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tls://127.0.0.1:{probe.getsockname()[1]}"
    tls = ["--tls-ca-file", certificates / "ca.pem", "--tls-cert", certificates / "dask.pem"]
    tls += ["--tls-key", certificates / "dask-key.pem"]
    log = tmp_path_factory.mktemp("dask") / "log.txt"
    words = [
        ["scheduler", "--host", address, "--no-dashboard", *tls],
        ["worker", address, "--nthreads", "1", "--no-dashboard", *tls],
    ]
    with log.open("w") as output:
        programs = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, one)],
                cwd=log.parent,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            for one in words
        ]
        try:
            yield address
        finally:
            for program in programs:
                kill_group(program)


def settings_with(address: str, folder: Path) -> DaskSettings:
    return DaskSettings(
        address=address,
        tls_ca=folder / "ca.pem",
        tls_cert=folder / "dask.pem",
        tls_key=folder / "dask-key.pem",
        batch_images=2,
    )


def doubled(batch: tuple[int, ...]) -> list[int]:
    return [2 * number for number in batch]


def test_batches_are_worked_on_behind_the_certificates(scheduler: str, certificates: Path) -> None:
    with workers_of(settings_with(scheduler, certificates)) as workers:
        found = [result for _, result in workers.map_batches(doubled, range(5))]
    assert sorted(number for batch in found for number in batch) == [0, 2, 4, 6, 8]  # type: ignore[union-attr]


def test_without_certificates_nobody_gets_in(scheduler: str, certificates: Path) -> None:
    # The scheduler is up: the owner of the certificates gets in.
    with workers_of(settings_with(scheduler, certificates)) as workers:
        workers.client()
    plain = DaskSettings(address=scheduler.replace("tls://", "tcp://"))
    with pytest.raises(SchedulerUnreachableError), workers_of(plain) as workers:
        workers.client()


def test_certificates_of_another_authority_open_nothing(scheduler: str, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    with (
        pytest.raises(SchedulerUnreachableError),
        workers_of(settings_with(scheduler, tmp_path)) as workers,
    ):
        workers.client()


def test_only_the_owner_can_read_the_keys(certificates: Path) -> None:
    for name in ("ca-key.pem", "dask-key.pem"):
        assert (certificates / name).stat().st_mode & 0o077 == 0
