"""Images that wait to be learnt from: never certify, are never scored, and are dealt to what learns."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tasks.archive.photograph import Label
from tasks.archive.retraining import Occasion, why_learn
from tasks.archive.roles import Board, Role, assign_roles, first_dealt
from tasks.archive.settings import ClassCounts, RetrainingSettings, RoleSettings

SIZES = RoleSettings(
    reconstruction=12, validation=4, mask=4, development=ClassCounts(normal=6, abnormal=6)
)
LEARNING = {Role.RECONSTRUCTION, Role.VALIDATION, Role.MASK, Role.DEVELOPMENT}
Known = dict[str, tuple[Label, Role]]


def boards(label: Label, count: int, night: int, panel: int | None = None) -> list[Board]:
    groups = frozenset() if panel is None else frozenset({f"panel:P{night}-{panel}"})
    return [Board(f"{label}-{night}-{at}", label, groups) for at in range(count)]


def first_night() -> tuple[list[Board], Known]:
    there = [*boards("normal", 30, 1), *boards("abnormal", 12, 1)]
    return there, first_dealt(there, assign_roles(there, SIZES, {}), {})


def second_night(share: float) -> tuple[list[Board], Known, Known]:
    old, known = first_night()
    there = [*old, *boards("normal", 400, 2), *boards("abnormal", 40, 2)]
    return there, known, first_dealt(there, assign_roles(there, SIZES, known, share), known)


def test_of_new_images_a_share_waits_and_no_old_one_does() -> None:
    there, before, after = second_night(0.25)
    assert all(after[board] == role for board, role in before.items())
    dealt = Counter(after[board.image_id][1] for board in there if board.image_id not in before)
    assert dealt.keys() == {Role.WAITING, Role.CERTIFICATION}
    # Binomial(440, 1/4): six standard deviations are 54.
    assert abs(dealt[Role.WAITING] - 110) < 54
    assert second_night(0.0)[2][there[-1].image_id][1] is Role.CERTIFICATION


def test_opened_images_are_shared_out_as_the_roles_are_sized() -> None:
    there, _, known = second_night(0.5)
    waiting = {name for name, (_, role) in known.items() if role is Role.WAITING}
    roles = assign_roles(there, SIZES, known, 0.5, waiting)
    assert {roles[name] for name in waiting} == LEARNING
    assert all(roles[name] is known[name][1] for name in known.keys() - waiting)
    normal = Counter(role for name, role in roles.items() if name.startswith("normal"))
    total = sum(normal[role] for role in LEARNING)
    sizes = {
        Role.RECONSTRUCTION: 8,
        Role.VALIDATION: 4,
        Role.MASK: 4,
        Role.DEVELOPMENT: 6,
    }
    for role, size in sizes.items():
        assert normal[role] == pytest.approx(total * size / 22, abs=2)
    assert all(roles[name] is Role.DEVELOPMENT for name in waiting if name.startswith("abnormal"))
    # The next night remembers, and nothing waits any more.
    again = first_dealt(there, roles, known)
    assert assign_roles(there, SIZES, again, 0.5) == roles


def test_no_image_ever_leaves_certification_to_be_learnt_from_or_enters_it_from_what_learns() -> (
    None
):
    there, known = first_night()
    seen: dict[str, set[Role]] = {}
    for night in range(2, 8):
        there += [*boards("normal", 30, night, panel=night % 2), *boards("abnormal", 3, night)]
        roles = assign_roles(there, SIZES, known, 0.5)
        opened = [n for n, role in roles.items() if role is Role.WAITING] if night % 3 == 0 else []
        if opened:
            roles = assign_roles(there, SIZES, known, 0.5, opened)
        known = first_dealt(there, roles, known)
        for name, role in roles.items():
            seen.setdefault(name, set()).add(role)
    assert all(len(roles - {Role.WAITING}) <= 1 for roles in seen.values())
    assert any({Role.WAITING, Role.DEVELOPMENT} <= roles for roles in seen.values())
    assert not any({Role.WAITING, Role.CERTIFICATION} <= roles for roles in seen.values())


def test_what_belongs_to_a_waiting_board_waits_with_it_whatever_its_label() -> None:
    there, known = first_night()
    panel = frozenset({"panel:P9"})
    known["waits"] = ("normal", Role.WAITING)
    there += [Board("waits", "normal", panel), Board("beside", "abnormal", panel)]
    roles = assign_roles(there, SIZES, known, 0.0)
    assert roles["beside"] is Role.WAITING
    roles = assign_roles(there, SIZES, first_dealt(there, roles, known), 0.0, {"waits", "beside"})
    assert roles["waits"] is roles["beside"] is Role.DEVELOPMENT


def test_a_waiting_board_that_becomes_abnormal_develops_and_an_undecided_one_goes_on_waiting() -> (
    None
):
    there, _, known = second_night(0.5)
    waiting = [name for name, (_, role) in known.items() if role is Role.WAITING]
    worse, unclear = (next(b for b in there if b.image_id == name) for name in waiting[:2])
    others = [board for board in there if board not in (worse, unclear)]
    there = [*others, replace(worse, label="abnormal"), replace(unclear, label="undecided")]
    roles = assign_roles(there, SIZES, known, 0.5)
    assert roles[worse.image_id] is roles[unclear.image_id] is Role.WAITING
    roles = assign_roles(there, SIZES, known, 0.5, waiting)
    assert roles[worse.image_id] is Role.DEVELOPMENT
    assert roles[unclear.image_id] is Role.UNDECIDED


BEGIN = "2026-11-01T02:00:00+00:00"
TOMORROW = "2026-11-02T02:00:00+00:00"
IN_A_MONTH = "2026-12-01T02:00:00+00:00"
POLICY = RetrainingSettings(normals=50, days=30, least=10)


@pytest.mark.parametrize(
    ("occasion", "waiting", "now", "words"),
    [
        (Occasion(), 49, TOMORROW, ()),
        (Occasion(), 50, TOMORROW, ("50 normal images wait",)),
        (Occasion(), 10, IN_A_MONTH, ("learnt 30 days ago",)),
        (Occasion(), 9, IN_A_MONTH, ()),
        (Occasion(suspended=TOMORROW), 10, TOMORROW, ("drift",)),
        (Occasion(suspended=TOMORROW), 9, TOMORROW, ()),
        (Occasion(suspended="2026-10-31T02:00:00+00:00"), 10, TOMORROW, ()),
        (Occasion(asked=True), 1, TOMORROW, ("asked for",)),
        (
            Occasion(asked=True, suspended=TOMORROW),
            50,
            IN_A_MONTH,
            ("asked", "50", "30 days", "drift"),
        ),
        (Occasion(asked=True, suspended=TOMORROW), 0, IN_A_MONTH, ()),
    ],
)
def test_the_policy_gives_every_reason_and_none_without_one(
    occasion: Occasion, waiting: int, now: str, words: tuple[str, ...]
) -> None:
    why = why_learn(POLICY, occasion, waiting, BEGIN, now)
    assert len(why) == len(words)
    assert all(word in reason for word, reason in zip(words, why, strict=True))


def test_a_policy_may_be_none_at_all() -> None:
    never = RetrainingSettings(normals=None, days=None, on_drift=False)
    assert why_learn(never, Occasion(suspended=TOMORROW), 10_000, BEGIN, IN_A_MONTH) == []
    assert why_learn(never, Occasion(asked=True), 1, BEGIN, BEGIN)
