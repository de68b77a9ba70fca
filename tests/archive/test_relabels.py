from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.archive.relabels import ImageNames, Relabel, RelabelFile, read_relabels
from tasks.archive.settings import ElpvSource, FolderSource
from tasks.vocabulary.errors import InputError

HEADER = "image_id,label,who,why\n"
SOURCE = FolderSource(path="images")
IDS = [hashlib.sha256(str(at).encode()).hexdigest() for at in range(40)]
SOURCES = {f"normal/n{at}.png": image_id for at, image_id in enumerate(IDS)}
NAMES = ImageNames(IDS, SOURCES)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str | bytes], tuple[Relabel, ...]]:
    def reading(content: str | bytes) -> tuple[Relabel, ...]:
        place = tmp_path / "relabels.csv"
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_relabels(str(place), SOURCE).rows

    return reading


Read = Callable[[str | bytes], tuple[Relabel, ...]]
ROW = Relabel("normal/n1.png", "abnormal", "A. Ray", "bridge, pad 7", 1)


@pytest.mark.parametrize(
    "content",
    [
        HEADER + 'normal/n1.png,abnormal,A. Ray,"bridge, pad 7"\n',
        '\ufeffimage_id;label;who;why\r\nnormal/n1.png;Abnormal; A. Ray ;"bridge, pad 7"\r\n',
        "score\twhy\twho\tlabel\timage_id\n0.7\tbridge, pad 7\tA. Ray\tabnormal\tnormal/n1.png\n",
        HEADER + '\n"normal/n1.png",abnormal,A. Ray,"bridge, pad 7"',
    ],
    ids=["plain", "saved by a spreadsheet", "tabs, other order, more columns", "empty line"],
)
def test_a_row_is_read_however_it_is_written(read: Read, content: str) -> None:
    assert read(content) == (ROW,)


def test_unedited_lines_of_a_prefilled_list_say_nothing(read: Read) -> None:
    content = HEADER + "a.png,normal,,\n,,,\nb.png,hm, ,\nc.png,undecided,B. Lee,too dark\n"
    assert read(content) == (Relabel("c.png", "undecided", "B. Lee", "too dark", 4),)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.png,normal,A. Ray,", "has no why in row 2 (a.png)"),
        ("a.png,normal,,looks fine", "has no who in row 2 (a.png)"),
        (",normal,A. Ray,looks fine", "has no image_id in row 2 (no image)"),
        ("a.png,,A. Ray,looks fine", "has no label in row 2 (a.png)"),
        ("a.png,good,A. Ray,looks fine", "has the label 'good' in row 2 (a.png)"),
        ("a.png,normal,A. Ray,fine, really", "has 5 cells in line 3 and 4 columns"),
        ('a.png,normal,A. Ray,"fine', "is damaged in line 3"),
    ],
)
def test_a_row_that_is_not_whole_is_named(read: Read, row: str, words: str) -> None:
    with pytest.raises(InputError) as raised:
        read(f"{HEADER}b.png,abnormal,B. Lee,scratch\n{row}\n")
    assert words in raised.value.what
    assert "relabels.csv" in raised.value.what
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no column image_id, label, who, why, it is empty"),
        ("\n\n", "has no column image_id, label, who, why, it is empty"),
        ("file,label,who,why\n", "has no column image_id, only file, label, who, why"),
        ("image_id,label\na.png,normal\n", "has no column who, why, only image_id, label"),
        ("image_id,label,who,why,who\n", "has two columns called who"),
        ('"image_id,label,who,why', "is damaged in line 1"),
        (HEADER.encode() + "a.png,normal,Ångström,ok\n".encode("latin-1"), "is not UTF-8"),
        (b"PK\x03\x04\xff\xfe\x00xlsx", "is not UTF-8"),
        (b"PAR1 but not whole", "is no whole Parquet file"),
    ],
)
def test_a_file_that_is_no_relabel_file_is_refused(
    read: Read, content: str | bytes, words: str
) -> None:
    with pytest.raises(InputError) as raised:
        read(content)
    assert words in raised.value.what
    assert raised.value.remedy


def test_a_header_alone_changes_nothing(read: Read) -> None:
    assert read(HEADER) == ()


def test_a_line_without_a_relabel_file_has_no_rows() -> None:
    assert read_relabels(None, ElpvSource()).rows == ()


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    for place in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as raised:
            read_relabels(str(place), SOURCE)
        assert str(place) in raised.value.what
        assert raised.value.remedy == "Correct relabels."


def test_parquet_and_object_stores_are_read_like_a_manifest() -> None:
    columns = {
        "image_id": [ROW.image, "b.png"],
        "label": ["abnormal", None],
        "who": ["A. Ray", None],
        "why": ["bridge, pad 7", None],
    }
    with fsspec.open("memory://relabels/night.parquet", "wb") as file:
        pq.write_table(pa.table(columns), file)
    assert read_relabels("memory://relabels/night.parquet", SOURCE).rows == (ROW,)
    with pytest.raises(InputError, match="does not exist"):
        read_relabels("memory://relabels/absent.csv", SOURCE)


def says(image: str, label: str = "abnormal", who: str = "A. Ray", row: int = 1) -> Relabel:
    return Relabel(image, label, who, "looked", row)  # type: ignore[arg-type]  # a label


def resolved(*rows: Relabel, names: ImageNames = NAMES) -> dict[str, Relabel]:
    found = RelabelFile("r.csv", rows).resolved(names)
    assert found.unknown == ()
    return dict(found.by_image)


@pytest.mark.parametrize("called", [IDS[3], IDS[3][:8], IDS[3][:20].upper(), "normal/n3.png"])
def test_an_image_is_named_by_file_or_id(called: str) -> None:
    assert resolved(says(called)).keys() == {IDS[3]}


@pytest.mark.parametrize(
    "called", ["n3.png", "normal/N3.png", IDS[3][:7], IDS[3] + "0", f"{IDS[3][:8]}x", "0" * 64]
)
def test_what_names_no_image_is_unknown(called: str) -> None:
    file = RelabelFile("r.csv", (says(called, row=7),))
    found = file.resolved(NAMES)
    assert (found.by_image, found.unknown) == ({}, file.rows)
    with pytest.raises(InputError) as raised:
        file.refuse_unknown(found.unknown)
    assert f"{called} (row 7)" in raised.value.what
    assert "8 characters" in raised.value.remedy


def test_many_unknown_images_are_counted_and_none_is_no_error() -> None:
    file = RelabelFile("r.csv", tuple(says(f"x{at}.png", row=at) for at in range(1, 13)))
    with pytest.raises(InputError, match=r"x5\.png \(row 5\) and 7 more\. Name"):
        file.refuse_unknown(file.rows)
    file.refuse_unknown(())


def test_a_prefix_of_two_images_is_ambiguous_and_a_longer_one_is_not() -> None:
    twins = ["0123456789" + end * 54 for end in "ab"]
    names = ImageNames(twins, {})
    with pytest.raises(InputError) as raised:
        resolved(says("01234567", row=4), names=names)
    assert "01234567 (row 4) can be 2 images" in raised.value.what
    assert resolved(says("0123456789b"), names=names).keys() == {twins[1]}
    # A file that is called as another image's id begins could mean either.
    odd = ImageNames([twins[0]], {"0123456789": twins[1]})
    with pytest.raises(InputError, match="can be 2 images"):
        resolved(says("0123456789"), names=odd)


def test_rows_that_disagree_on_one_image_are_both_named() -> None:
    first = says(IDS[3][:9], "abnormal", "A. Ray", 2)
    second = says("normal/n3.png", "normal", "B. Lee", 5)
    for rows in ((first, second), (second, first)):
        with pytest.raises(InputError) as raised:
            resolved(*rows)
        for words in ("rows", "A. Ray", "B. Lee", "2", "5", "normal/n3.png", IDS[3][:9]):
            assert words in raised.value.what


def test_rows_that_agree_are_taken_together_in_any_order() -> None:
    rows = [says("normal/n3.png", who="B. Lee", row=1), says(IDS[3], row=2), says(IDS[3], row=3)]
    found = [resolved(*each)[IDS[3]] for each in (rows, rows[::-1])]
    assert [(one.who, one.why) for one in found] == [("A. Ray; B. Lee", "looked")] * 2


def test_a_copy_under_another_name_is_the_same_image() -> None:
    names = ImageNames(IDS, SOURCES | {"normal/copy of n3.png": IDS[3]})
    assert resolved(says("normal/copy of n3.png"), names=names).keys() == {IDS[3]}


def test_files_that_say_the_same_are_the_same(read: Read, tmp_path: Path) -> None:
    said = []
    for lines in (["a,normal,x,y", "b,normal,x,y", "c,normal,,"], ["b,normal,x,y", "a,normal,x,y"]):
        read(HEADER + "\n".join(lines))
        said.append(read_relabels(str(tmp_path / "relabels.csv"), SOURCE).said)
    assert said[0] == said[1] != []


def test_nothing_that_is_called_other_than_normal_teaches_normality() -> None:
    rows = (says("normal/n1.png"), says(IDS[2][:9].upper(), "undecided"), says(IDS[4], "normal"))
    names, ids = RelabelFile("r.csv", rows).no_normals
    assert names == {"normal/n1.png", IDS[2][:9].upper()}
    assert ids == (IDS[2][:9],)


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(8, 64), st.booleans()), max_size=30))
def test_every_row_finds_its_image_and_the_order_changes_nothing(
    wanted: list[tuple[int, int, bool]],
) -> None:
    rows = [
        says(IDS[at][:length] if by_id else f"normal/n{at}.png", row=row)
        for row, (at, length, by_id) in enumerate(wanted, start=1)
    ]
    found = resolved(*rows)
    assert found.keys() == {IDS[at] for at, _, _ in wanted}
    assert {i: (r.label, r.who) for i, r in resolved(*rows[::-1]).items()} == {
        i: (r.label, r.who) for i, r in found.items()
    }
