from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.archive.photograph import Label, Photograph
from tasks.archive.sorting import Digested, sort_out, unreadable


def one(name: str, label: Label | None, digest: str) -> Digested:
    return Digested(Photograph(f"/in/{name}", name, label), digest)


def test_distinct_labelled_photographs_are_all_accepted() -> None:
    found = [one("a", "normal", "1"), one("b", "abnormal", "2"), one("c", "undecided", "3")]
    assert sort_out(found) == (found, [])


def test_of_duplicates_the_first_stays_and_the_others_name_it() -> None:
    accepted, refused = sort_out([one(name, "normal", "1") for name in "abc"])
    assert [kept.photograph.name for kept in accepted] == ["a"]
    assert [(r.photograph.name, r.kind) for r in refused] == [
        ("b", "duplicate"),
        ("c", "duplicate"),
    ]
    assert all("Same content as a." in r.reason for r in refused)


def test_same_content_under_two_labels_refuses_all_of_them() -> None:
    accepted, refused = sort_out([one("a", "normal", "1"), one("b", "abnormal", "1")])
    assert accepted == []
    assert {r.photograph.name for r in refused} == {"a", "b"}
    assert {r.kind for r in refused} == {"label"}
    assert all("a, b" in r.reason and "true label" in r.remedy for r in refused)


def test_unlabelled_photographs_are_refused_even_beside_a_labelled_copy() -> None:
    accepted, refused = sort_out(
        [one("a", None, "1"), one("b", "normal", "1"), one("c", None, "2")]
    )
    assert [kept.photograph.name for kept in accepted] == ["b"]
    assert [(r.photograph.name, r.kind) for r in refused] == [("a", "label"), ("c", "label")]
    assert all("class folder" in r.remedy for r in refused)


def test_thousands_of_copies_do_not_all_name_each_other() -> None:
    found = [one(f"copy-{at:04d}", "normal", "1") for at in range(2000)]
    accepted, refused = sort_out([*found, one("torn", "abnormal", "1")])
    assert accepted == []
    assert len(refused) == 2001
    assert "copy-0004 and 1,996 more" in refused[0].reason
    assert max(len(r.reason) for r in refused) < 200


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("the server went away"), "the server went away"),
    ],
)
def test_an_unreadable_file_says_what_the_system_said(error: OSError, words: str) -> None:
    refusal = unreadable(Photograph("/in/a", "a", "normal"), None, error)
    assert words in refusal.reason
    assert refusal.kind == "unreadable"


LABELS = st.sampled_from(["normal", "abnormal", "undecided", None])


@given(st.lists(st.tuples(LABELS, st.sampled_from("123456")), max_size=20))
def test_every_file_is_accepted_or_refused_once(drawn: list[tuple[Label | None, str]]) -> None:
    found = [one(str(at), label, digest) for at, (label, digest) in enumerate(drawn)]
    accepted, refused = sort_out(found)
    names = [kept.photograph.name for kept in accepted] + [r.photograph.name for r in refused]
    assert sorted(names, key=int) == [each.photograph.name for each in found]
    assert len({kept.digest for kept in accepted}) == len(accepted)
    assert all(kept.photograph.label is not None for kept in accepted)
    assert all(r.reason and r.remedy for r in refused)
