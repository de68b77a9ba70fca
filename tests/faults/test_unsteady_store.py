"""An archive in an object store that fails, breaks off or never answers at one request in ten."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.aftermath import assert_no_orphans
from tests.archive.s3_server import S3Server
from tests.conftest import Retrained
from tests.faults.conftest import Record
from tests.faults.unsteady import UnsteadyProxy
from tests.infra.running_stack import SmallLine, upload
from tests.product_line import ProductLine, ended

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

READER = {
    "AWS_ACCESS_KEY_ID": "reader",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class RemoteLine(SmallLine):
    """Its archive is in an object store."""

    endpoint_url: str = ""

    @property
    def config(self) -> Path:
        place = super().config
        settings = yaml.safe_load(place.read_text())
        settings["source"] = {
            "kind": "folder",
            "path": "s3://plant/tiles",
            "endpoint_url": self.endpoint_url,
        }
        place.write_text(yaml.safe_dump(settings))
        return place


@pytest.fixture
def proxy(retrained: Retrained, tmp_path: Path) -> Iterator[UnsteadyProxy]:
    server = S3Server(tmp_path / "s3.txt")
    try:
        server.wait()
        put_bucket(server)
        upload(retrained.line.archive, f"{server.endpoint_url}/plant")
        unsteady = UnsteadyProxy(server.endpoint_url)
        yield unsteady
        unsteady.stop()
    finally:
        server.stop()


def put_bucket(server: S3Server) -> None:
    request = urllib.request.Request(f"{server.endpoint_url}/plant", method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - our own server


def test_a_store_that_fails_at_one_request_in_ten(
    proxy: UnsteadyProxy,
    retrained: Retrained,
    environment: dict[str, str],
    tmp_path: Path,
    small_undisturbed: ProductLine,
    record: Record,
) -> None:
    row = record("object store errors and stalls", "at one request in ten, all the time")
    line = RemoteLine(tmp_path / "line", retrained.line.archive, {**environment, **READER})
    line.endpoint_url = proxy.endpoint_url
    process = line.start("retrain")
    row.done(line)
    ended(process)
    assert_no_orphans([process])
    failed = sum(count for way, count in proxy.done.items() if way != "passed on")
    assert failed >= len(proxy.done) - 1 > 3, proxy.done
    asked = sum(proxy.done.values())
    row.judge(
        line,
        small_undisturbed,
        f"{failed} of {asked} requests failed and were asked again; the run took no notice.",
    )
