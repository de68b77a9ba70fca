"""When a set is the same set, and a question the same question."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.attestation.reading import read_scores
from tasks.attestation.recognition import answer_digest, keys_of, recognition
from tasks.attestation.scores import Columns, ScoredSet


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "scores.csv"
    place.write_text("i,p,s,y\na,x,1,0\nb,z,2,1\n")
    return place


def test_any_column_that_names_the_boards_recognises_them(file: Path) -> None:
    def keys(columns: Columns, name: str | None = None) -> set[str]:
        return set(recognition(read_scores(file, columns), name).keys)

    by_id, by_path = keys(Columns("s", "y", id="i")), keys(Columns("s", "y", path="p"))
    both = keys(Columns("s", "y", id="i", path="p"), "march")
    assert not by_id & by_path
    assert both == by_id | by_path | {"name:march"}


def test_boards_without_names_are_recognised_by_their_number(file: Path) -> None:
    scored = read_scores(file, Columns("s", "y"))
    unnamed = recognition(scored, None)
    assert unnamed == (("rows:2",), "its number of rows alone", True)
    named = recognition(scored, "march")
    assert named == (("name:march",), "its name", True)


def test_words_for_how_it_is_recognised(file: Path) -> None:
    scored: ScoredSet = read_scores(file, Columns("s", "y", id="i"))
    assert recognition(scored, None)[1:] == ("what names its boards", False)
    assert recognition(scored, "x")[1:] == ("what names its boards and its name", False)


def test_answers_differ_by_scores_classes_and_question() -> None:
    low, high = np.array([0.0, 1.0]), np.array([2.0, np.inf])
    digest = answer_digest(low, high, "q")
    assert digest == answer_digest(low[::-1], high[::-1], "q")
    assert digest == answer_digest(np.array([-0.0, 1.0]), high, "q")
    others = [(high, low, "q"), (low, high, "r"), (low, high[:1], "q"), (low, high + 1e-9, "q")]
    assert len({digest, *(answer_digest(*other) for other in others)}) == 5


def test_named_images_have_the_keys_of_a_file_that_names_them(file: Path) -> None:
    scored = read_scores(file, Columns("s", "y", id="i"))
    assert set(keys_of(["b", "a"])) == set(recognition(scored, None).keys)
    assert keys_of(["a", "b"]) == keys_of(("b", "a"))


def boards(names: list[str]) -> set[str]:
    return {key for key in keys_of(names) if key.startswith("board:")}


def test_sets_that_overlap_share_boards_and_others_do_not() -> None:
    names = [f"board {at}" for at in range(3000)]
    whole = boards(names)
    assert len(whole) == 256
    assert len(whole & boards(names[:-1])) >= 255
    assert whole & boards([*names[:150], *(f"fresh {at}" for at in range(2850))])
    assert not whole & boards([f"fresh {at}" for at in range(3000)])
    assert len(boards(names[:10])) == 10


def test_names_of_groups_return_in_other_sets_and_link_none(tmp_path: Path) -> None:
    place = tmp_path / "lots.csv"
    place.write_text("i,lot,s,y\na,A,1,0\nb,A,2,1\n")
    lots, ids = (
        recognition(read_scores(place, columns), None).keys
        for columns in (Columns("s", "y", group="lot"), Columns("s", "y", id="i"))
    )
    assert [key.partition(":")[0] for key in lots] == ["boards"]
    assert [key.partition(":")[0] for key in ids] == ["boards", "board", "board"]
