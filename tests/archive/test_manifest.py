from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.archive.reading import read_photograph
from tasks.archive.settings import ManifestSource
from tasks.archive.sources import Facts, photographs
from tasks.vocabulary.errors import InputError

ROWS: list[dict[str, Any]] = [
    {
        "path": "lot7/a.png",
        "label": "normal",
        "family": "",
        "product": "pcba",
        "line": "2",
        "camera": "top",
        "panel": "P7",
        "lot": "L7",
        "serial": "0017",
        "captured_at": "2026-11-20T14:33:02",
    },
    {
        "path": "lot7/b\nb 📷.png",
        "label": "Abnormal",
        "family": "tombstone",
        "captured_at": "2026-11-20 14:33:02+01:00",
    },
    {"path": "absent.png", "label": "pending"},
]


def as_csv(rows: list[dict[str, Any]], **options: Any) -> bytes:
    text = io.StringIO(newline="")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, restval="", **options)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    content = io.BytesIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in columns})
    pq.write_table(table, content)
    return content.getvalue()


def archive(folder: Path, content: bytes, name: str = "manifest.csv") -> Path:
    (folder / "lot7").mkdir(parents=True, exist_ok=True)
    for row in ROWS[:2]:
        (folder / row["path"]).write_bytes(b"x")
    (folder / name).write_bytes(content)
    return folder / name


CONTENTS = {
    "manifest.csv": as_csv(ROWS),
    "excel.csv": b"\xef\xbb\xbf" + as_csv(ROWS, delimiter=";"),
    "tabs.txt": as_csv(ROWS, delimiter="\t", lineterminator="\n"),
    "manifest.parquet": as_parquet(ROWS),
    "parquet-by-content.csv": as_parquet(ROWS),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_row_is_a_photograph_with_all_that_is_known(tmp_path: Path, name: str) -> None:
    place = archive(tmp_path, CONTENTS[name], name)
    absent, first, second = photographs(ManifestSource(path=place))
    assert first.facts == Facts(
        product="pcba",
        line="2",
        camera="top",
        panel="P7",
        lot="L7",
        serial="0017",
        captured_at="2026-11-20T14:33:02",
    )
    assert (first.name, first.label) == ("lot7/a.png", "normal")
    assert (second.name, second.label) == ("lot7/b\nb 📷.png", "abnormal")
    # Times with an offset are kept in UTC.
    assert second.facts == Facts(family="tombstone", captured_at="2026-11-20T13:33:02+00:00")
    assert read_photograph(second) == b"x"
    # A row whose file is not there appears, and cannot be read.
    assert (absent.name, absent.label, absent.stamp) == ("absent.png", None, "")
    with pytest.raises(FileNotFoundError):
        read_photograph(absent)
    assert first.stamp
    Path(first.location).write_bytes(b"other")
    assert photographs(ManifestSource(path=place))[1].stamp != first.stamp


def test_columns_under_other_names_and_words_of_the_line(tmp_path: Path) -> None:
    rows = [{"Datei": "lot7/a.png", "Urteil": "iO"}, {"Datei": "x.png", "Urteil": "niO"}]
    place = archive(tmp_path, as_csv(rows))
    source = ManifestSource(
        path=place,
        columns={"path": "Datei", "label": "Urteil"},
        normal=("IO",),
        abnormal=("NIO",),
    )
    assert [found.label for found in photographs(source)] == ["normal", "abnormal"]
    with pytest.raises(InputError, match="has no column path, only Datei, Urteil"):
        photographs(ManifestSource(path=place))
    with pytest.raises(InputError, match="nobody explained \\(iO, niO\\)"):
        photographs(source.model_copy(update={"normal": ("ok",), "abnormal": ("ng",)}))
    with pytest.raises(ValidationError):
        ManifestSource.model_validate({"path": "x", "columns": {"pfad": "Datei"}})


def test_only_the_rows_asked_for(tmp_path: Path) -> None:
    place = archive(tmp_path, as_csv(ROWS))
    source = ManifestSource(path=place, only={"panel": "P7", "camera": "top"})
    assert [found.name for found in photographs(source)] == ["lot7/a.png"]
    with pytest.raises(InputError, match="has no row with panel = P8") as raised:
        photographs(ManifestSource(path=place, only={"panel": "P8"}))
    assert "source.only" in raised.value.remedy
    place = archive(tmp_path, as_csv([{"path": "a.png"}]))
    with pytest.raises(InputError, match="has no column panel"):
        photographs(ManifestSource(path=place, only={"panel": "P8"}))


def test_every_column_but_the_path_may_be_missing(tmp_path: Path) -> None:
    (found,) = photographs(ManifestSource(path=archive(tmp_path, b"path\nlot7/a.png\n")))
    assert (found.label, found.facts) == (None, Facts())


def test_another_root_and_absolute_paths(tmp_path: Path) -> None:
    root = tmp_path / "images"
    archive(root, b"")
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"y")
    rows = [{"path": "./lot7/a.png"}, {"path": str(outside)}, {"path": f"{root}/lot7/c.png"}]
    (tmp_path / "m.csv").write_bytes(as_csv(rows))
    found = photographs(ManifestSource(path=tmp_path / "m.csv", root=root))
    assert [each.name for each in found] == [str(outside), "lot7/a.png", "lot7/c.png"]
    assert found[1].location == str(root / "lot7" / "a.png")


def test_a_row_twice_counts_once_unless_it_contradicts_itself(tmp_path: Path) -> None:
    rows = [{"path": name, "label": "normal"} for name in ("a.png", "a.png", "./a.png", "b.png")]
    rows.append({"path": "b.png", "label": "abnormal"})
    found = photographs(ManifestSource(path=archive(tmp_path, as_csv(rows))))
    assert sorted((each.name, str(each.label)) for each in found) == [
        ("a.png", "normal"),
        ("b.png", "abnormal"),
        ("b.png", "normal"),
    ]


def test_values_of_a_parquet_table_become_text(tmp_path: Path) -> None:
    time = datetime(2026, 11, 20, 14, 33, 2, tzinfo=UTC)
    rows = [
        {"path": "a.png", "label": 0, "serial": 17.0, "lot": float("nan"), "captured_at": time},
        {"path": "b.png", "label": 1, "serial": None, "lot": None, "captured_at": None},
    ]
    place = archive(tmp_path, as_parquet(rows), "m.parquet")
    first, second = photographs(ManifestSource(path=place, normal=("0",), abnormal=("1",)))
    assert first.label == "normal"
    assert first.facts == Facts(serial="17", captured_at="2026-11-20T14:33:02+00:00")
    assert (second.label, second.facts) == ("abnormal", Facts())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no row"),
        (b"path,label\n", "has no row"),
        (b"path,label\na.png,normal,x\n", "has 3 cells in line 2 and 2 columns"),
        (b"path,label\na.png,normal\nb.p", "has 1 cells in line 3"),
        (b'path,label\n"a.png,normal\n', "is damaged in line"),
        (b"path,label\n,normal\n", "has no path in row 1"),
        (b"path,path\na,b\n", "has two columns called path"),
        (b"path,captured_at\na.png,20.11.2026\n", "not ISO 8601 \\(20.11.2026\\)"),
        ("path,label\ngehäuse.png,normal\n".encode("latin-1"), "is not UTF-8"),
        (as_parquet(ROWS)[:-20], "is no whole Parquet file"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words) as raised:
        photographs(ManifestSource(path=archive(tmp_path, content)))
    assert raised.value.remedy.endswith(".")


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read \\(No such file"):
        photographs(ManifestSource(path=tmp_path / "manifest.csv"))
    with pytest.raises(InputError, match="does not exist"):
        photographs(ManifestSource(path="memory://nowhere/manifest.csv"))


def test_a_manifest_in_an_object_store() -> None:
    store = fsspec.filesystem("memory")
    rows = [{"path": "lot7/a.png", "label": "normal"}, {"path": "lot7/b.png", "label": "normal"}]
    store.pipe({"/shop/m.csv": as_csv(rows), "/shop/lot7/a.png": b"x"})
    first, second = photographs(ManifestSource(path="memory://shop/m.csv"))
    assert (first.location, first.name) == ("memory://shop/lot7/a.png", "lot7/a.png")
    assert read_photograph(first) == b"x"
    assert second.stamp == ""
    with pytest.raises(FileNotFoundError):
        read_photograph(second)
