"""What becomes of the role of an image whose label changes after it was dealt one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.archive.photograph import Label
from tasks.archive.roles import Board, Role, assign_roles, first_dealt
from tasks.vocabulary.errors import InputError
from tests.archive.test_grouped_roles import FACTS, PATIENT, SIZES, TRAINING, drawn, panels

FOR_DEFECTS = {Role.DEVELOPMENT, Role.CERTIFICATION}
LABELS: list[Label] = ["normal", "abnormal", "undecided"]
BOARDS = panels(20, 1) + panels(6, 1, "abnormal") + panels(3, 1, "undecided")
Known = Mapping[str, tuple[Label, Role]]


def relabelled(boards: Sequence[Board], labels: Mapping[str, Label]) -> list[Board]:
    return [replace(each, label=labels.get(each.image_id, each.label)) for each in boards]


def dealt(boards: Sequence[Board], known: Known) -> tuple[dict[str, Role], Known]:
    """Roles of an ingest, and what the next one knows."""
    roles = assign_roles(boards, SIZES, known)
    return roles, {**known, **first_dealt(boards, roles, known)}


def one_of(role: Role, label: Label = "normal") -> tuple[str, Known]:
    """An image of this role and label."""
    roles, known = dealt(BOARDS, {})
    return next(b.image_id for b in BOARDS if (roles[b.image_id], b.label) == (role, label)), known


@pytest.mark.parametrize("role", sorted(TRAINING))
def test_an_abnormal_image_that_taught_normality_is_set_aside(role: Role) -> None:
    name, known = one_of(role)
    roles, known = dealt(relabelled(BOARDS, {name: "abnormal"}), known)
    assert roles[name] is Role.SET_ASIDE
    # It is so in every later ingest, and has its first role with its first label.
    roles, known = dealt(relabelled(BOARDS, {name: "abnormal"}), known)
    assert roles[name] is Role.SET_ASIDE
    assert dealt(BOARDS, known)[0] == dealt(BOARDS, {})[0]


@pytest.mark.parametrize("role", sorted(FOR_DEFECTS))
@pytest.mark.parametrize("was", ["normal", "abnormal"])
@pytest.mark.parametrize("now", LABELS)
def test_what_develops_or_certifies_goes_on_under_every_label(
    role: Role, was: Label, now: Label
) -> None:
    name, known = one_of(role, was)
    boards = [*BOARDS, *panels(1, 1, "abnormal", start=50)]
    roles, known = dealt(relabelled(boards, {name: now}), known)
    assert roles[name] is role
    assert dealt(relabelled(boards, {name: now}), known)[0] == roles


@pytest.mark.parametrize("now", ["normal", "abnormal"])
def test_an_undecided_image_that_is_decided_develops(now: Label) -> None:
    name, known = one_of(Role.UNDECIDED, "undecided")
    roles, known = dealt(relabelled(BOARDS, {name: now}), known)
    assert roles[name] is Role.DEVELOPMENT
    # Since then it was learned from: undecided again, it is no image that only was scored.
    roles, known = dealt(BOARDS, known)
    assert roles[name] is Role.DEVELOPMENT
    assert dealt(relabelled(BOARDS, {name: "normal"}), known)[0][name] is Role.DEVELOPMENT


@pytest.mark.parametrize(
    ("of", "normal", "abnormal"),
    [
        (Role.RECONSTRUCTION, Role.RECONSTRUCTION, Role.SET_ASIDE),
        (Role.DEVELOPMENT, Role.DEVELOPMENT, Role.DEVELOPMENT),
        (Role.CERTIFICATION, Role.SET_ASIDE, Role.SET_ASIDE),
    ],
)
def test_a_decided_image_never_parts_from_its_panel_nor_joins_certification(
    of: Role, normal: Role, abnormal: Role
) -> None:
    neighbour, _ = one_of(of)
    group = next(each.groups for each in BOARDS if each.image_id == neighbour)
    boards = [*BOARDS, Board("beside", "undecided", group)]
    roles, known = dealt(boards, {})
    assert roles[neighbour] is of
    wanted: dict[Label, Role] = {"normal": normal, "abnormal": abnormal}
    for now, role in wanted.items():
        assert dealt(relabelled(boards, {"beside": now}), known)[0]["beside"] is role


def test_what_comes_later_follows_the_role_that_its_panel_was_dealt() -> None:
    name, known = one_of(Role.RECONSTRUCTION)
    group = next(each.groups for each in BOARDS if each.image_id == name)
    late = [Board("late", "normal", group), Board("worse", "abnormal", group)]
    for now in LABELS[1:]:
        roles, _ = dealt([*relabelled(BOARDS, {name: now}), *late], known)
        assert roles["late"] is Role.RECONSTRUCTION
        assert roles["worse"] is Role.SET_ASIDE


def test_a_corrected_label_stops_no_line_but_an_emptied_role_does() -> None:
    roles, known = dealt(BOARDS, {})
    developing = [
        b.image_id for b in BOARDS if (roles[b.image_id], b.label) == (Role.DEVELOPMENT, "normal")
    ]
    assert len(developing) == SIZES.development.normal
    most: dict[str, Label] = dict.fromkeys(developing[1:], "abnormal")
    after, later = dealt(relabelled(BOARDS, most), known)
    assert dealt(relabelled(BOARDS, most), later)[0] == after
    # A place that is free is taken by the next image that comes.
    new = Board("new", "normal", frozenset({"panel:new"}))
    assert dealt([*relabelled(BOARDS, most), new], later)[0]["new"] is Role.DEVELOPMENT
    every: dict[str, Label] = dict.fromkeys(developing, "abnormal")
    with pytest.raises(InputError, match="The role development needs 3 normal images and got 0"):
        dealt(relabelled(BOARDS, every), known)


def test_an_image_that_is_gone_still_leaves_its_role_short() -> None:
    name, known = one_of(Role.RECONSTRUCTION)
    with pytest.raises(InputError, match="reconstruction needs 3 normal images and got 2"):
        dealt([each for each in BOARDS if each.image_id != name], known)


def test_the_reference_never_certifies_whatever_it_is_called() -> None:
    seen: Known = {"normal-3-0": ("normal", Role.RECONSTRUCTION)}
    wanted: dict[Label, Role] = {"abnormal": Role.SET_ASIDE, "undecided": Role.UNDECIDED}
    for now, role in wanted.items():
        assert dealt(relabelled(BOARDS, {"normal-3-0": now}), seen)[0]["normal-3-0"] is role


@PATIENT
@given(
    st.lists(FACTS, max_size=30),
    st.lists(FACTS, max_size=15),
    st.lists(st.dictionaries(st.integers(0, 29), st.sampled_from(LABELS)), min_size=1, max_size=4),
)
def test_no_image_ever_enters_or_leaves_certification(
    first: list[tuple[Label, frozenset[str], int | None]],
    second: list[tuple[Label, frozenset[str], int | None]],
    nights: list[dict[int, Label]],
) -> None:
    """Labels change night after night, in both directions, while new boards tie others together."""
    boards = drawn(first)
    before, known = dealt(boards, {})
    late = [replace(b, image_id=f"new-{b.image_id}") for b in drawn(second)[: len(second)]]
    for night, changes in enumerate(nights):
        if night == 1:
            boards = [*boards, *late]
        named = {f"d{at}": label for at, label in changes.items()}
        today = relabelled(boards, named)
        try:
            after, known = dealt(today, known)
        except InputError as error:
            # Corrections that leave nothing of a small role stop the line, as they should.
            assert "and got 0" in str(error)  # noqa: PT017 - only some draws end here
            return
        for name, role in before.items():
            assert (after[name] is Role.CERTIFICATION) == (role is Role.CERTIFICATION)
        labels = {each.image_id: each.label for each in today}
        learning = {labels[name] for name, role in after.items() if role in TRAINING}
        assert learning == {"normal"}
        assert {labels[n] for n, role in after.items() if role is Role.UNDECIDED} <= {"undecided"}
        # The same once more is the same again.
        assert dealt(today, known)[0] == after
        before = after
