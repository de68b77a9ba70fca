from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.archive import roles as dealing
from tasks.archive.photograph import Label
from tasks.archive.roles import Board, Role
from tasks.archive.settings import ClassCounts, RoleSettings
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

# Time is measured in one test of its own, not on a busy machine.
PATIENT = settings(deadline=None)
SIZES = RoleSettings(
    reconstruction=10, validation=3, mask=4, development=ClassCounts(normal=5, abnormal=6)
)
NEEDED = {"normal": 10 + 4 + 5 + 1, "abnormal": 6 + 1}

# What the seed 0 made of these images before boards had groups and times.
BEFORE_GROUPS = "dd5a3647cfd7a479a51284b231f81cf2aacc8eb14ecab13bd59f2935bd8b3386"

# More than enough of each class, with surplus that certifies.
Labels = dict[str, Label]


def labels_for(normal: int, abnormal: int, undecided: int = 0) -> Labels:
    counts: dict[Label, int] = {"normal": normal, "abnormal": abnormal, "undecided": undecided}
    return {f"{label}-{at}": label for label, n in counts.items() for at in range(n)}


def assign_roles(
    labels: Labels, settings: RoleSettings, known: Mapping[str, tuple[Label, Role]]
) -> dict[str, Role]:
    """Roles of boards of which nothing but the label is known."""
    boards = [Board(name, label) for name, label in labels.items()]
    return dealing.assign_roles(boards, settings, known)


ENOUGH = st.builds(
    labels_for,
    st.integers(NEEDED["normal"], NEEDED["normal"] + 20),
    st.integers(NEEDED["abnormal"], NEEDED["abnormal"] + 20),
    st.integers(0, 5),
)
SEEDS = st.integers(0, 2**31)


def with_labels(labels: Labels, roles: dict[str, Role]) -> dict[str, tuple[Label, Role]]:
    return {name: (labels[name], role) for name, role in roles.items()}


@PATIENT
@given(ENOUGH, SEEDS)
def test_every_image_has_one_role_and_the_sizes_are_exact(labels: Labels, seed: int) -> None:
    roles = assign_roles(labels, SIZES.model_copy(update={"seed": seed}), {})
    assert roles.keys() == labels.keys()
    counts = Counter((role, labels[name]) for name, role in roles.items())
    of_label = Counter(labels.values())
    expected = {
        (Role.RECONSTRUCTION, "normal"): 7,
        (Role.VALIDATION, "normal"): 3,
        (Role.MASK, "normal"): 4,
        (Role.DEVELOPMENT, "normal"): 5,
        (Role.DEVELOPMENT, "abnormal"): 6,
        (Role.CERTIFICATION, "normal"): of_label["normal"] - 19,
        (Role.CERTIFICATION, "abnormal"): of_label["abnormal"] - 6,
    }
    if of_label["undecided"]:
        expected[(Role.UNDECIDED, "undecided")] = of_label["undecided"]
    assert counts == expected


def test_without_groups_and_times_nothing_changes() -> None:
    roles = assign_roles(labels_for(40, 12, 3), SIZES, {})
    text = json.dumps({name: str(role) for name, role in roles.items()}, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == BEFORE_GROUPS


@PATIENT
@given(ENOUGH, SEEDS)
def test_the_order_of_the_files_changes_nothing(labels: Labels, seed: int) -> None:
    names = np.random.default_rng(seed).permutation(list(labels)).tolist()
    shuffled = {name: labels[name] for name in names}
    assert assign_roles(shuffled, SIZES, {}) == assign_roles(labels, SIZES, {})


@PATIENT
@given(ENOUGH, st.integers(0, 30), st.integers(0, 30), SEEDS)
def test_an_image_keeps_its_role_when_images_are_added(
    labels: Labels, normal: int, abnormal: int, seed: int
) -> None:
    before = assign_roles(labels, SIZES, {})
    added: Labels = {f"new-{label}": label for label in labels_for(normal, abnormal).values()}
    added |= {f"new-{name}": label for name, label in labels_for(normal, abnormal).items()}
    settings = SIZES.model_copy(update={"seed": seed})
    after = assign_roles(labels | added, settings, with_labels(labels, before))
    assert {name: after[name] for name in labels} == before
    # Nothing was short, so all that is new certifies.
    assert {after[name] for name in added} <= {Role.CERTIFICATION}


@PATIENT
@given(ENOUGH, SEEDS)
def test_a_removed_image_leaves_a_place_that_a_new_one_takes(labels: Labels, seed: int) -> None:
    before = assign_roles(labels, SIZES, {})
    gone = next(name for name, role in before.items() if role is Role.RECONSTRUCTION)
    left = {name: label for name, label in labels.items() if name != gone} | {"new": "normal"}
    settings = SIZES.model_copy(update={"seed": seed})
    after = assign_roles(left, settings, with_labels(labels, before))
    assert after["new"] is Role.RECONSTRUCTION
    assert all(after[name] is before[name] for name in left if name != "new")


@PATIENT
@given(ENOUGH)
def test_a_relabelled_image_does_not_stay_where_normality_is_learned(labels: Labels) -> None:
    before = assign_roles(labels, SIZES, {})
    found_bad = next(name for name, role in before.items() if role is Role.RECONSTRUCTION)
    relabelled: Labels = {**labels, found_bad: "abnormal", "spare": "normal"}
    after = assign_roles(relabelled, SIZES, with_labels(labels, before))
    assert after[found_bad] is Role.SET_ASIDE
    assert after["spare"] is Role.RECONSTRUCTION
    undecided: Labels = {**labels, found_bad: "undecided", "spare": "normal"}
    assert assign_roles(undecided, SIZES, with_labels(labels, before))[found_bad] is Role.UNDECIDED


def test_another_seed_gives_other_roles() -> None:
    labels = labels_for(60, 30)
    other = SIZES.model_copy(update={"seed": 1})
    assert assign_roles(labels, SIZES, {}) != assign_roles(labels, other, {})


@pytest.mark.parametrize(
    ("normal", "abnormal", "role"),
    [
        (6, 20, "reconstruction"),
        (8, 20, "validation"),
        (12, 20, "mask"),
        (17, 20, "development"),
        (19, 20, "certification"),
        (60, 5, "development"),
        (60, 6, "certification"),
    ],
)
def test_a_short_role_is_named_with_what_it_lacks(normal: int, abnormal: int, role: str) -> None:
    with pytest.raises(InputError, match=f"The role {role} needs") as raised:
        assign_roles(labels_for(normal, abnormal), SIZES, {})
    assert "Add " in raised.value.remedy


def test_without_an_abnormal_image_no_threshold_is_safe() -> None:
    with pytest.raises(NoSafeThresholdError, match="no abnormal image"):
        assign_roles(labels_for(60, 0, 5), SIZES, {})


def test_no_mask_images_where_none_are_wanted() -> None:
    without = SIZES.model_copy(update={"mask": 0})
    assert Role.MASK not in assign_roles(labels_for(60, 30), without, {}).values()


def test_validation_may_not_take_all_reconstruction_images() -> None:
    with pytest.raises(ValidationError, match="validation=10 takes all"):
        RoleSettings(reconstruction=10, validation=10)
