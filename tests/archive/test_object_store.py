from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import ModuleSpec
from typing import Any

import fsspec
import pytest

from tasks.archive import remote
from tasks.archive.reading import read_photograph
from tasks.archive.remote import UnreachableArchiveError
from tasks.archive.settings import FolderSource, ManifestSource, MvtecSource
from tasks.archive.sources import Facts, photographs
from tasks.vocabulary.errors import InputError, ZeroescapeError
from tests.archive.s3_server import S3Server

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "reader",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[S3Server, S3Server]]:
    """One that lets everybody in, one that asks for keys."""
    pytest.importorskip("moto", reason="the dev extra brings an S3 server")
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    logs = tmp_path_factory.mktemp("s3")
    started = (S3Server(logs / "open.txt"), S3Server(logs / "keys.txt", keys=True))
    try:
        for server in started:
            server.wait()
        yield started
    finally:
        for server in started:
            server.stop()
        os.environ.clear()
        os.environ.update(before)


def store_of(server: S3Server) -> Any:
    options = {"endpoint_url": server.endpoint_url, "use_listings_cache": False}
    return fsspec.filesystem("s3", **options)


@pytest.fixture(scope="module")
def plant(servers: tuple[S3Server, S3Server]) -> S3Server:
    """More keys than one page of a listing holds, and names that people really give."""
    store = store_of(servers[0])
    store.mkdir("plant")
    keys = [f"plant/many/2026-11-20/normal/{at:05}.png" for at in range(1_050)]
    keys += [f"plant/bottle/{place}/0.png" for place in ("train/good", "test/cut")]
    keys += ["plant/odd/normal/📷 + a&b=c%20#1 [x]*.png", "plant/odd/notes.txt"]
    store.pipe({key: key.encode() for key in keys}, batch_size=32)
    return servers[0]


@pytest.mark.slow
def test_a_prefix_of_more_keys_than_one_page(plant: S3Server) -> None:
    found = photographs(FolderSource(path="s3://plant/many", endpoint_url=plant.endpoint_url))
    assert len(found) == 1_050
    assert [one.name for one in found] == [f"2026-11-20/normal/{at:05}.png" for at in range(1_050)]
    assert {(one.label, one.facts) for one in found} == {
        ("normal", Facts(captured_at="2026-11-20"))
    }
    for one in (found[0], found[-1]):
        assert read_photograph(one) == one.location.removeprefix("s3://").encode()


@pytest.mark.slow
def test_names_that_mean_something_to_a_url(plant: S3Server) -> None:
    found = photographs(FolderSource(path="s3://plant/odd/", endpoint_url=plant.endpoint_url))
    assert [one.name for one in found] == ["normal/📷 + a&b=c%20#1 [x]*.png"]
    assert read_photograph(found[0]) == b"plant/odd/" + found[0].name.encode()


@pytest.mark.slow
def test_the_layout_of_mvtec_in_a_bucket(plant: S3Server) -> None:
    found = photographs(MvtecSource(path="s3://plant/bottle", endpoint_url=plant.endpoint_url))
    assert [(one.label, one.facts.family) for one in found] == [
        ("abnormal", "cut"),
        ("normal", None),
    ]


@pytest.mark.slow
def test_a_changed_object_has_another_stamp_and_only_that_one(plant: S3Server) -> None:
    store = store_of(plant)
    store.pipe({f"plant/changing/normal/{name}.png": b"one" for name in "ab"})
    source = FolderSource(path="s3://plant/changing", endpoint_url=plant.endpoint_url)
    before = photographs(source)
    assert photographs(source) == before
    # Same size, another content.
    store.pipe("plant/changing/normal/a.png", b"two")
    after = photographs(source)
    assert [one.stamp == two.stamp for one, two in zip(before, after, strict=True)] == [False, True]
    assert read_photograph(after[0]) == b"two"
    store.rm("plant/changing/normal/a.png")
    with pytest.raises(FileNotFoundError) as raised:
        read_photograph(after[0])
    assert raised.value.strerror == "No such file or directory"


@pytest.mark.slow
def test_a_manifest_in_a_bucket(plant: S3Server) -> None:
    rows = "path,label\nmany/2026-11-20/normal/00007.png,normal\nmany/absent.png,abnormal\n"
    store_of(plant).pipe("plant/m.csv", rows.encode())
    source = ManifestSource(path="s3://plant/m.csv", endpoint_url=plant.endpoint_url)
    there, absent = photographs(source)
    assert there.stamp
    assert read_photograph(there) == b"plant/many/2026-11-20/normal/00007.png"
    assert (absent.label, absent.stamp) == ("abnormal", "")
    with pytest.raises(FileNotFoundError):
        read_photograph(absent)


@pytest.mark.slow
def test_a_bucket_or_prefix_that_is_not_there_is_wrong_input(plant: S3Server) -> None:
    for path, words in (("s3://absent/a", "does not exist"), ("s3://plant/no", "holds no image")):
        with pytest.raises(InputError, match=words):
            photographs(FolderSource(path=path, endpoint_url=plant.endpoint_url))
    with pytest.raises(InputError, match="does not exist"):
        photographs(ManifestSource(path="s3://plant/no.csv", endpoint_url=plant.endpoint_url))


@pytest.mark.slow
def test_wrong_credentials_are_wrong_input_and_an_unreadable_file(
    plant: S3Server, servers: tuple[S3Server, S3Server]
) -> None:
    guarded = servers[1].endpoint_url
    with pytest.raises(InputError, match="cannot be listed") as raised:
        photographs(FolderSource(path="s3://plant/many", endpoint_url=guarded))
    assert "AWS_ACCESS_KEY_ID" in raised.value.remedy
    one = photographs(FolderSource(path="s3://plant/odd", endpoint_url=plant.endpoint_url))[0]
    with pytest.raises(PermissionError) as refused:
        read_photograph(replace(one, endpoint_url=guarded))
    assert refused.value.strerror


@pytest.mark.slow
def test_a_server_that_goes_away_may_come_back(
    plant: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = S3Server(tmp_path_factory.mktemp("gone") / "log.txt")
    server.wait()
    store = store_of(server)
    store.mkdir("plant")
    store.pipe("plant/normal/a.png", b"x")
    source = FolderSource(path="s3://plant", endpoint_url=server.endpoint_url)
    (found,) = photographs(source)
    server.stop()
    with pytest.raises(ConnectionError) as raised:
        read_photograph(found)
    assert raised.value.strerror
    # The only errors of this room that are worth another try.
    with pytest.raises(UnreachableArchiveError, match="cannot be listed") as unreachable:
        photographs(source)
    assert isinstance(unreachable.value, ConnectionError)
    assert isinstance(unreachable.value, ZeroescapeError)
    assert not isinstance(unreachable.value, InputError)


def test_without_the_driver_the_remedy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        return None if name == "s3fs" else importlib.util.find_spec(name)

    monkeypatch.setattr(remote, "find_spec", find_spec)
    with pytest.raises(InputError, match="needs the package s3fs") as raised:
        photographs(FolderSource(path="s3://plant/a"))
    assert "zeroescape[s3]" in raised.value.remedy
