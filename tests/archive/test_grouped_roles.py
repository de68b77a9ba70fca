from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.archive.groups import components
from tasks.archive.photograph import Label
from tasks.archive.roles import Board, Role, assign_roles, torn_groups
from tasks.archive.settings import ClassCounts, RoleSettings
from tasks.vocabulary.errors import InputError
from tests.growth import NO_WORSE_THAN_LINEAR, growth

# Cost is measured in one test of its own, not on a busy machine.
PATIENT = settings(deadline=None)
SIZES = RoleSettings(
    reconstruction=5, validation=2, mask=2, development=ClassCounts(normal=3, abnormal=2)
)
NEEDED: dict[tuple[Role, Label], int] = {
    (Role.RECONSTRUCTION, "normal"): 3,
    (Role.VALIDATION, "normal"): 2,
    (Role.MASK, "normal"): 2,
    (Role.DEVELOPMENT, "normal"): 3,
    (Role.DEVELOPMENT, "abnormal"): 2,
    (Role.CERTIFICATION, "normal"): 1,
    (Role.CERTIFICATION, "abnormal"): 1,
}
TRAINING = {Role.RECONSTRUCTION, Role.VALIDATION, Role.MASK}


def board(name: str, label: Label = "normal", *groups: str, at: str | None = None) -> Board:
    return Board(name, label, frozenset(groups), at)


def panels(count: int, of: int, label: Label = "normal", start: int = 0) -> list[Board]:
    """Boards of so many panels, so many on each."""
    return [
        board(f"{label}-{panel}-{at}", label, f"panel:{label}-{panel}")
        for panel in range(start, start + count)
        for at in range(of)
    ]


def known_of(boards: Sequence[Board], roles: Mapping[str, Role]) -> dict[str, tuple[Label, Role]]:
    return {each.image_id: (each.label, roles[each.image_id]) for each in boards}


def roles_of(boards: Sequence[Board], roles: Mapping[str, Role]) -> set[Role]:
    return {roles[each.image_id] for each in boards}


LABELS: st.SearchStrategy[Label] = st.sampled_from(["normal"] * 6 + ["abnormal", "undecided"])
NAMES = st.integers(0, 25).map("panel:{}".format) | st.integers(0, 8).map("near:{}".format)
FACTS = st.tuples(LABELS, st.frozensets(NAMES, max_size=1), st.none() | st.integers(1, 28))


def drawn(facts: Sequence[tuple[Label, frozenset[str], int | None]]) -> list[Board]:
    """Boards of a hypothesis draw, and beside them enough without any group."""
    boards = [
        Board(f"d{at}", label, groups, f"2026-11-{day:02d}" if day else None)
        for at, (label, groups, day) in enumerate(facts)
    ]
    return boards + panels(20, 1) + panels(6, 1, "abnormal")


@PATIENT
@given(st.lists(FACTS, max_size=60), st.integers(0, 9))
def test_a_component_has_one_role_and_every_count_is_met(
    facts: list[tuple[Label, frozenset[str], int | None]], seed: int
) -> None:
    boards = drawn(facts)
    settings = SIZES.model_copy(update={"seed": seed})
    roles = assign_roles(boards, settings, {})
    assert roles.keys() == {each.image_id for each in boards}
    assert torn_groups(boards, roles) == []
    assert Role.SET_ASIDE not in roles.values()
    counts = Counter((roles[each.image_id], each.label) for each in boards)
    assert all(counts[key] >= needed for key, needed in NEEDED.items())
    assert not any(counts[role, "abnormal"] for role in TRAINING)
    chance = np.random.default_rng(seed)
    shuffled = [boards[at] for at in chance.permutation(len(boards))]
    assert assign_roles(shuffled, settings, {}) == roles


@PATIENT
@given(st.lists(FACTS, max_size=40), st.lists(FACTS, max_size=40))
def test_no_board_ever_changes_its_role_and_only_old_roles_tear_a_group(
    first: list[tuple[Label, frozenset[str], int | None]],
    second: list[tuple[Label, frozenset[str], int | None]],
) -> None:
    boards = drawn(first)
    before = assign_roles(boards, SIZES, {})
    added = [replace(each, image_id=f"new-{each.image_id}") for each in drawn(second)]
    added = [each for each in added if each.image_id.startswith("new-d")]
    after = assign_roles([*boards, *added], SIZES, known_of(boards, before))
    assert {name: after[name] for name in before} == before
    for torn in torn_groups([*boards, *added], after):
        had = {before[name] for name in torn if name in before}
        assert len(had) > 1
        assert {after[name] for name in torn if name not in before} <= {
            min_role(had),
            Role.SET_ASIDE,
        }
    assert not any(after[each.image_id] in TRAINING for each in added if each.label == "abnormal")


def min_role(roles: set[Role]) -> Role:
    return min(roles, key=list(Role).index)


def test_sizes_are_overshot_by_whole_panels_only() -> None:
    boards = panels(12, 4) + panels(6, 1, "abnormal")
    counts = Counter(assign_roles(boards, SIZES, {})[each.image_id] for each in boards[:48])
    assert [counts[role] for role in list(Role)[:5]] == [4, 4, 4, 4, 32]


def test_normals_beside_an_abnormal_board_develop_or_certify() -> None:
    mixed = [board(f"m{at}", "abnormal" if at == 0 else "normal", "panel:m") for at in range(9)]
    boards = mixed + panels(20, 1) + panels(6, 1, "abnormal")
    for seed in range(20):
        roles = assign_roles(boards, SIZES.model_copy(update={"seed": seed}), {})
        assert len(roles_of(mixed, roles)) == 1
        assert roles_of(mixed, roles) <= {Role.DEVELOPMENT, Role.CERTIFICATION}


def test_an_undecided_board_connects_what_it_belongs_to() -> None:
    ends = [board("a", "normal", "panel:1"), board("b", "normal", "lot:1")]
    between = board("u", "undecided", "panel:1", "lot:1")
    others = panels(20, 1) + panels(6, 1, "abnormal")
    for seed in range(20):
        settings = SIZES.model_copy(update={"seed": seed})
        roles = assign_roles([*ends, between, *others], settings, {})
        assert roles["a"] is roles["b"]
        assert roles["u"] is Role.UNDECIDED


def test_a_new_board_takes_the_role_of_its_panel_or_is_set_aside() -> None:
    boards = panels(20, 2) + panels(6, 2, "abnormal")
    before = assign_roles(boards, SIZES, {})
    for role in (Role.RECONSTRUCTION, Role.MASK, Role.DEVELOPMENT, Role.CERTIFICATION):
        groups = next(each.groups for each in boards if before[each.image_id] is role)
        new = [Board("ok", "normal", groups), Board("bad", "abnormal", groups)]
        after = assign_roles([*boards, *new], SIZES, known_of(boards, before))
        assert after["ok"] is role
        assert after["bad"] is (Role.SET_ASIDE if role in TRAINING else role)
        # Set aside is a role like any other: it stays.
        again = assign_roles([*boards, *new], SIZES, known_of([*boards, *new], after))
        assert again == after


def test_of_several_known_roles_the_first_is_taken_and_the_group_is_torn() -> None:
    boards = panels(20, 1) + panels(6, 1, "abnormal")
    before = assign_roles(boards, SIZES, {})
    two = [
        next(each for each in boards if before[each.image_id] is role)
        for role in (Role.CERTIFICATION, Role.VALIDATION)
    ]
    link = Board("link", "normal", two[0].groups | two[1].groups)
    bad = Board("bad", "abnormal", two[0].groups)
    after = assign_roles([*boards, link, bad], SIZES, known_of(boards, before))
    assert after["link"] is Role.VALIDATION
    # It certifies nothing, for its panel is connected with one that chose the checkpoint.
    assert after["bad"] is Role.SET_ASIDE
    torn = {"link", "bad", two[0].image_id, two[1].image_id}
    assert [set(each) for each in torn_groups([*boards, link, bad], after)] == [torn]


def timed(normal: int, abnormal: int) -> list[Board]:
    counts: list[tuple[Label, int]] = [("normal", normal), ("abnormal", abnormal)]
    return [
        board(f"{label}-{at}", label, at=f"2026-11-20T{at:02d}:30:00")
        for label, count in counts
        for at in range(count)
    ]


def test_certification_is_the_newest_and_the_other_roles_are_filled_by_age() -> None:
    boards = timed(20, 8)
    roles = assign_roles(boards, SIZES, {})
    normal = [roles[f"normal-{at}"] for at in range(20)]
    first = [Role.RECONSTRUCTION] * 3 + [Role.VALIDATION] * 2 + [Role.MASK] * 2
    assert normal == first + [Role.DEVELOPMENT] * 3 + [Role.CERTIFICATION] * 10
    abnormal = [roles[f"abnormal-{at}"] for at in range(8)]
    assert abnormal == [Role.DEVELOPMENT] * 2 + [Role.CERTIFICATION] * 6
    shuffled = SIZES.model_copy(update={"certification": "shuffled"})
    untimed = [replace(each, captured_at=None) for each in boards]
    assert assign_roles(boards, shuffled, {}) == assign_roles(untimed, shuffled, {}) != roles


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def written(each: Board, hour: int) -> Board:
    """The same instant in one of three ways; as text, some of them change places."""
    tokyo = f"2026-11-{20 + (hour + 9) // 24:02d}T{(hour + 9) % 24:02d}:30+09:00"
    ways = (each.captured_at, f"{each.captured_at}Z", tokyo)
    return replace(each, captured_at=ways[hour % 3])


@pytest.mark.usefixtures("far_from_greenwich")
def test_times_are_compared_as_times_and_not_as_text() -> None:
    boards = timed(20, 8)
    zoned = [written(each, int(each.image_id.rpartition("-")[2])) for each in boards]
    assert sorted(zoned, key=lambda each: str(each.captured_at)) != zoned
    assert assign_roles(zoned, SIZES, {}) == assign_roles(boards, SIZES, {})


def test_boards_without_a_time_count_as_oldest() -> None:
    untimed = [board(f"old-{at}") for at in range(10)]
    boards = timed(20, 8) + untimed
    roles = assign_roles(boards, SIZES, {})
    assert roles_of(untimed, roles) == {*TRAINING, Role.DEVELOPMENT}
    assert roles_of(boards[:20], roles) == {Role.CERTIFICATION}


def test_a_panel_is_as_new_as_its_newest_board() -> None:
    boards = timed(20, 8)
    pair = [replace(boards[at], groups=frozenset({"panel:1"})) for at in (0, 19)]
    roles = assign_roles([*pair, *boards[1:19], *boards[20:]], SIZES, {})
    assert roles_of(pair, roles) == {Role.CERTIFICATION}


def test_a_time_that_cannot_be_read_is_wrong_input() -> None:
    with pytest.raises(InputError, match="'yesterday' of the image x cannot be read") as raised:
        assign_roles([*timed(20, 8), board("x", at="yesterday")], SIZES, {})
    assert "ISO 8601" in raised.value.remedy


FAMILIES = ["bridge"] * 16 + ["tombstone"] * 4 + ["scratch"] * 4


def test_development_takes_defect_families_by_turns_where_asked() -> None:
    defects = [Board(f"d{at}", "abnormal", family=name) for at, name in enumerate(FAMILIES)]
    boards = panels(20, 1) + defects
    wanted = ClassCounts(normal=3, abnormal=9)
    for seed in range(10):
        settings = SIZES.model_copy(
            update={"development": wanted, "balance_families": True, "seed": seed}
        )
        roles = assign_roles(boards, settings, {})
        taken = Counter(e.family for e in defects if roles[e.image_id] is Role.DEVELOPMENT)
        assert taken == {"bridge": 3, "tombstone": 3, "scratch": 3}
        # A place that becomes free goes to the family that has least.
        gone = next(
            e for e in defects if e.family == "scratch" and roles[e.image_id] is Role.DEVELOPMENT
        )
        left = [each for each in boards if each is not gone]
        new = [Board(f"n-{name}", "abnormal", family=name) for name in ("bridge", "scratch")]
        after = assign_roles([*left, *new], settings, known_of(left, roles))
        assert after["n-scratch"] is Role.DEVELOPMENT
        assert after["n-bridge"] is Role.CERTIFICATION


def test_without_balance_families_are_taken_as_they_come() -> None:
    defects = [Board(f"d{at}", "abnormal", family=name) for at, name in enumerate(FAMILIES)]
    plain = [replace(each, family=None) for each in defects]
    boards = panels(20, 1)
    roles = assign_roles([*boards, *defects], SIZES, {})
    assert roles == assign_roles([*boards, *plain], SIZES, {})


def test_a_family_runs_out_and_the_others_go_on() -> None:
    names = ["bridge"] * 8 + ["scratch"]
    defects = [Board(f"d{at}", "abnormal", family=name) for at, name in enumerate(names)]
    wanted = ClassCounts(normal=3, abnormal=6)
    settings = SIZES.model_copy(update={"development": wanted, "balance_families": True})
    roles = assign_roles([*panels(20, 1), *defects], settings, {})
    taken = Counter(e.family for e in defects if roles[e.image_id] is Role.DEVELOPMENT)
    assert taken == {"bridge": 5, "scratch": 1}


def test_families_that_a_panel_brings_along_count() -> None:
    panel = [
        Board(f"p{at}", "abnormal", frozenset({"panel:1"}), "2026-01-01", family)
        for at, family in enumerate(["bridge", "scratch", "scratch", "scratch"])
    ]
    others = [
        Board(f"{name}{at}", "abnormal", frozenset(), "2026-01-02", name)
        for name in ("bridge", "scratch")
        for at in range(5)
    ]
    wanted = ClassCounts(normal=3, abnormal=6)
    settings = SIZES.model_copy(update={"development": wanted, "balance_families": True})
    defects = [*panel, *others]
    roles = assign_roles([*panels(20, 1), *defects], settings, {})
    taken = Counter(e.family for e in defects if roles[e.image_id] is Role.DEVELOPMENT)
    assert taken == {"bridge": 3, "scratch": 3}


def test_groups_that_leave_a_role_empty_are_named_as_the_reason() -> None:
    boards = panels(3, 40) + panels(6, 1, "abnormal")
    with pytest.raises(InputError) as raised:
        assign_roles(boards, SIZES, {})
    assert raised.value.what == (
        "The role development needs 3 normal images and got 0, although there are 120: boards with "
        "the same panel share their role, and these are 3 groups, the largest of 40; "
        "0 are grouped with abnormal ones and cannot train."
    )
    assert "Add 3 normal images of other groups" in raised.value.remedy
    assert "roles.group_by" in raised.value.remedy


def test_a_lot_with_a_defect_in_every_one_is_said_to_leave_nothing_to_train() -> None:
    boards = [
        board(f"{lot}-{at}", "normal" if at else "abnormal", f"lot:{lot}")
        for lot in range(9)
        for at in range(10)
    ]
    with pytest.raises(InputError, match="81 are grouped with abnormal ones and cannot train"):
        assign_roles(boards, SIZES, {})


def test_groups_are_not_blamed_where_images_are_too_few() -> None:
    boards = panels(3, 2) + panels(6, 1, "abnormal")
    with pytest.raises(InputError) as raised:
        assign_roles(boards, SIZES, {})
    assert "although" not in raised.value.what


@PATIENT
@given(st.lists(st.frozensets(st.integers(0, 12).map(str), max_size=3), max_size=30))
def test_components_are_those_that_one_finds_by_walking(groups: list[frozenset[str]]) -> None:
    assume(groups)
    numbers = components(groups).tolist()
    for start in range(len(groups)):
        reached, grown = {start}, True
        while grown:
            near = {
                at for at, own in enumerate(groups) if any(own & groups[each] for each in reached)
            }
            grown, reached = not near <= reached, reached | near
        assert reached == {at for at, number in enumerate(numbers) if number == numbers[start]}


@pytest.mark.slow
def test_cost_grows_no_worse_than_linear() -> None:
    def boards(size: int) -> list[Board]:
        return [
            Board(
                f"{at * 7919:064x}",
                "abnormal" if at % 20 == 0 else "normal",
                frozenset({f"panel:{at // 4}", f"serial:{at}"}),
                f"2026-{1 + at // 9000:02d}-01T10:{at % 60:02d}:00Z",
            )
            for at in range(size)
        ]

    balanced = RoleSettings(balance_families=True)
    assert (
        growth(lambda size: partial(assign_roles, boards(size), balanced, {}))
        < NO_WORSE_THAN_LINEAR
    )
