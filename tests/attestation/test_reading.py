"""Files of any tool: what is read, and what each kind of bad input answers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.attestation.reading import read_scores
from tasks.attestation.scores import Columns, ScoredSet
from tasks.vocabulary.errors import InputError

SCORE_LABEL = Columns("s", "y")


def written(folder: Path, text: str | bytes, name: str = "scores.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(folder: Path, text: str | bytes, columns: Columns = SCORE_LABEL) -> ScoredSet:
    return read_scores(written(folder, text), columns)


def test_all_columns_of_a_csv(tmp_path: Path) -> None:
    text = (
        "name,s,y,part,kind,area,file,comment\n"
        'a,0.25,0,p1,,,"x,1.png",ok\n'
        "b,1e-3,1,p2,scratch,12.5,y.png,\n"
        "c, 7 ,1,p1,bridge,3,z.png,\n"
    )
    columns = Columns("s", "y", "name", "part", "kind", "area", "file")
    found = read(tmp_path, text, columns)
    assert found.scores_N.tolist() == [0.25, 0.001, 7.0]
    assert found.abnormal_N.tolist() == [False, True, True]
    assert found.ids is not None
    assert found.paths is not None
    assert list(found.ids) == ["a", "b", "c"]
    assert found.groups_N is not None
    assert found.groups_N.tolist() == [0, 1, 0]
    assert found.families == ("", "scratch", "bridge")
    assert found.sizes_N is not None
    np.testing.assert_array_equal(found.sizes_N, [np.nan, 12.5, 3.0])
    assert list(found.paths) == ["x,1.png", "y.png", "z.png"]
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert len(set(found.identities)) == 3


def test_scores_without_a_value_are_none_at_all(tmp_path: Path) -> None:
    cells = ["", "nan", "NaN", "inf", "-inf", "Infinity", "n/a", "NULL", "None", "-", "1e999"]
    text = "s,y\n" + "".join(f"{cell},1\n" for cell in cells) + "0.5,0\n"
    assert np.isnan(read(tmp_path, text).scores_N[:-1]).all()
    assert read(tmp_path, text).scores_N[-1] == 0.5


@pytest.mark.parametrize(
    ("good", "bad"),
    [("0", "1"), ("0.0", "1.0"), ("Good", "DEFECT"), ("ok", "NG"), ("normal", "abnormal ")],
)
def test_words_for_good_and_defective(tmp_path: Path, good: str, bad: str) -> None:
    found = read(tmp_path, f"s,y\n1,{bad}\n0,{good}\n0,{good}\n")
    assert found.abnormal_N.tolist() == [True, False, False]
    assert found.label_words == ((bad, True, 1), (good, False, 2))


@pytest.mark.parametrize("word", ["", "2", "-1", "pass", "fail", "0.5", "scratch", "yes"])
def test_a_label_that_says_neither_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(InputError, match=f"holds '{word}' in 2 rows, first in row 2") as refused:
        read(tmp_path, f"s,y\n1,0\n2,{word}\n3,{word}\n")
    assert "abnormal" in refused.value.remedy


def test_many_unknown_labels_are_not_all_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds 'a', 'b', 'c' \.\.\. in 4 rows"):
        read(tmp_path, "s,y\n1,a\n1,b\n1,c\n1,d\n")


@pytest.mark.parametrize(
    "kind", [pa.bool_(), pa.int8(), pa.float64(), pa.dictionary(pa.int8(), pa.string())]
)
def test_parquet_labels_of_every_type(tmp_path: Path, kind: pa.DataType) -> None:
    words = pa.array(["good", "bad"]).dictionary_encode()
    labels = words if pa.types.is_dictionary(kind) else pa.array([0, 1]).cast(kind)
    file = tmp_path / "scores.any"
    pq.write_table(pa.table({"s": pa.array([1, None]), "y": labels}), file)
    found = read_scores(file, SCORE_LABEL)
    assert found.abnormal_N.tolist() == [False, True]
    np.testing.assert_array_equal(found.scores_N, [1.0, np.nan])


def test_parquet_scores_as_text_decimals_and_halves(tmp_path: Path) -> None:
    for scores in (
        pa.array(["0.5", " 2 "]),
        pa.array([0.5, 2.0]).cast(pa.decimal128(5, 2)),
        pa.array(np.array([0.5, 2.0], np.float16)),
        pa.array(["0.5", " 2 "]).dictionary_encode(),
    ):
        pq.write_table(pa.table({"s": scores, "y": [0, 1]}), tmp_path / "f")
        assert read_scores(tmp_path / "f", SCORE_LABEL).scores_N.tolist() == [0.5, 2.0]


def test_identities_know_boards_in_any_order_and_under_any_score(tmp_path: Path) -> None:
    columns = Columns("s", "y", id="i", group="g")
    first = read(tmp_path, "i,s,y,g\na,1,0,p\nb,2,1,q\nc,3,1,q\n", columns).identities
    again = read(tmp_path, "i,s,y,g\nc,9,0,q\na,8,0,p\nb,7,1,q\n", columns).identities
    other = read(tmp_path, "i,s,y,g\na,1,0,p\nb,2,1,p\nd,3,1,q\n", columns).identities
    assert first == again
    assert not set(first) & set(other)
    assert read(tmp_path, "i,s,y\nab,1,0\nc,2,1\n", Columns("s", "y", "i")).identities != (
        read(tmp_path, "i,s,y\na,1,0\nbc,2,1\n", Columns("s", "y", "i")).identities
    )


@pytest.mark.parametrize(
    ("text", "columns", "said", "remedy"),
    [
        ("", SCORE_LABEL, "is empty", "header"),
        ("s,y\n", SCORE_LABEL, "has no rows", "one row per scored image"),
        ("score,y\n1,0\n", SCORE_LABEL, "has no column 's'. It has 'score', 'y'", "Name one"),
        ("anomaly,y\n1,0\n", Columns("anomoly", "y"), "no column 'anomoly'", "mean 'anomaly'?"),
        ("s;y\n1;0\n", SCORE_LABEL, "separated by semicolons", "--delimiter ';'"),
        ("s\ty\n1\t0\n", SCORE_LABEL, "separated by tabs", "--delimiter $'\\t'"),
        ("s|y\n1|0\n", SCORE_LABEL, "separated by bars", "--delimiter '|'"),
        ("s,y,y\n1,0,0\n", SCORE_LABEL, "more than one column 'y'", "Rename"),
        ("s,y\n1,0\n1\n", SCORE_LABEL, "cannot be read", "Mend the row"),
        ("s,y\n1,0\nx,1\n", SCORE_LABEL, "Row 2 of 's' is 'x', no number", "leave it blank"),
        ('s,y\n1,0\n"0,5",1\n', SCORE_LABEL, "Row 2 of 's' is '0,5'", "with a point"),
        ("i,s,y\na,1,0\na,1,1\n", Columns("s", "y", "i"), "'a' for example", "--group"),
        ("i,s,y\na,1,0\n,1,1\n", Columns("s", "y", "i"), "1 rows have no 'i', first row 2", "Fill"),
        ("g,s,y\n ,1,0\na,1,1\n", Columns("s", "y", group="g"), "no 'g', first row 1", "Fill"),
        ("p,s,y\na,1,0\na,1,1\n", Columns("s", "y", path="p"), "occur more than once", "--group"),
        (b"PK\x03\x04....", SCORE_LABEL, "spreadsheet", "Save it as CSV"),
        (b"PAR1....PAR1", SCORE_LABEL, "cannot be read", "Write the Parquet file again"),
        ("s,y\n1,g\xf6od\n".encode("latin-1"), SCORE_LABEL, "not UTF-8", "CSV (UTF-8)"),
        ("s,y,gr\xf6\xdfe\n1,0,1\n".encode("latin-1"), SCORE_LABEL, "not UTF-8", "CSV (UTF-8)"),
        ("s,y\n1,0\n".encode("utf-16"), SCORE_LABEL, "not UTF-8", "CSV (UTF-8)"),
    ],
)
def test_bad_files_are_named_with_the_remedy(
    tmp_path: Path, text: str | bytes, columns: Columns, said: str, remedy: str
) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text, columns)
    assert said in refused.value.what
    assert remedy in refused.value.remedy


def test_a_score_column_that_holds_no_numbers_in_parquet(tmp_path: Path) -> None:
    for scores in (pa.array([True, False]), pa.array([[1.0], [2.0]])):
        pq.write_table(pa.table({"s": scores, "y": [0, 1]}), tmp_path / "f")
        with pytest.raises(InputError, match="no numbers"):
            read_scores(tmp_path / "f", SCORE_LABEL)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for place in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_scores(place, SCORE_LABEL)


def test_a_delimiter_is_one_character(tmp_path: Path) -> None:
    file = written(tmp_path, "s;y\n1;0\n2;1\n")
    assert read_scores(file, SCORE_LABEL, ";").scores_N.tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="one character"):
        read_scores(file, SCORE_LABEL, ";;")


def test_a_byte_order_mark_and_foreign_columns_do_no_harm(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbfs,y,comment\n1,0,gr\xfc\xdfe\n2,1,x\n"
    assert read(tmp_path, text).scores_N.tolist() == [1.0, 2.0]
