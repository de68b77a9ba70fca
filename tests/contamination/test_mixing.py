"""Which images are mixed into training, and which judge: counts, nesting, groups, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.contamination.mixing import SHARES, Candidates, Plan, mixtures
from tasks.vocabulary.errors import InputError

NORMALS = tuple(f"n{at}" for at in range(100))


def candidates(normal: int = 20, abnormal: int = 20, of_one_group: int = 1) -> Candidates:
    ids = tuple(f"g{at}" for at in range(normal)) + tuple(f"d{at}" for at in range(abnormal))
    groups = None
    if of_one_group > 1:
        groups = tuple(f"panel {int(one[1:]) // of_one_group} {one[0]}" for one in ids)
    return Candidates(ids, (0,) * normal + (1,) * abnormal, groups)


def test_the_shares_are_those_of_the_paper_and_are_kept() -> None:
    plan = mixtures(NORMALS, candidates(), SHARES, seed=0)
    assert [len(one.mixed) for one in plan.mixtures] == [0, 3, 6, 9]
    assert plan.mixtures[0].training_ids == NORMALS
    for one in plan.mixtures:
        assert len(set(one.training_ids)) == len(NORMALS)
        assert {name for name in one.training_ids if name[0] == "d"} == set(one.mixed)


@given(
    st.lists(st.sampled_from(range(15)), min_size=1, max_size=5, unique=True),
    st.integers(0, 2**31),
    st.integers(1, 4),
)
def test_nobody_judges_what_any_training_has_seen(
    counts: list[int], seed: int, of_one_group: int
) -> None:
    pool = candidates(abnormal=80, of_one_group=of_one_group)
    plan = mixtures(NORMALS, pool, [count / 100 for count in counts], seed)
    group = {one: pool.group_of(at) for at, one in enumerate(pool.image_ids)}
    learnt = {group[one] for one in plan.mixtures[-1].mixed}
    assert not learnt & {group[one] for one in plan.judging.image_ids}
    assert plan.judging.labels == tuple(
        pool.labels[pool.image_ids.index(one)] for one in plan.judging.image_ids
    )
    # All others judge: nothing is left out for any other reason.
    assert len(plan.judging.image_ids) == sum(one not in learnt for one in group.values())


def test_a_larger_share_keeps_what_a_smaller_one_has() -> None:
    plan = mixtures(NORMALS, candidates(), (0.09, 0.03, 0.06), seed=4)
    assert [one.share for one in plan.mixtures] == [0.03, 0.06, 0.09]
    small, middle, large = plan.mixtures
    assert small.mixed == middle.mixed[:3] == large.mixed[:3]
    kept = [set(NORMALS) & set(one.training_ids) for one in (small, middle, large)]
    assert kept[2] < kept[1] < kept[0]


def test_one_seed_is_one_plan() -> None:
    def made(seed: int) -> Plan:
        return mixtures(NORMALS, candidates(), (0.09,), seed)

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.mark.parametrize(
    ("shares", "abnormal", "message"),
    [
        ((0.0, 0.09), 10, "takes 9 abnormal images"),
        ((1.0,), 20, r"must lie in \[0, 1\)"),
        ((-0.1,), 20, r"must lie in \[0, 1\)"),
        ((float("nan"),), 20, r"must lie in \[0, 1\)"),
        ((), 20, "none given"),
        ((0.03, 0.031), 20, "same number"),
    ],
)
def test_what_cannot_be_mixed_is_refused(
    shares: tuple[float, ...], abnormal: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        mixtures(NORMALS, candidates(abnormal=abnormal), shares, seed=0)


def test_too_few_normals_to_judge_by_are_refused() -> None:
    with pytest.raises(InputError, match="1 normal images are left"):
        mixtures(NORMALS, candidates(normal=1), (0.03,), seed=0)


def test_groups_that_spend_all_defects_are_refused() -> None:
    with pytest.raises(InputError, match="abnormal images are left"):
        mixtures(NORMALS, candidates(of_one_group=10), (0.09,), seed=0)
