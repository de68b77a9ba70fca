"""AUROC of one property, its interval, and what chance gives to the best of many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tasks.confounds.columns import Column, PropertyTable
from tasks.confounds.separation import auroc_interval, features_of
from tests.confounds.screens import numbers, of, screen_table, separate


def random_table(seed: int, images: int, properties: int) -> PropertyTable:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(properties, images)).tolist()
    return numbers(**{f"p{at}": row for at, row in enumerate(values)})


@given(
    values=st.lists(st.integers(0, 6), min_size=6, max_size=40),
    seed=st.integers(0, 100),
)
def test_auroc_is_that_of_scikit_learn_without_direction(values: list[int], seed: int) -> None:
    abnormal = (np.random.default_rng(seed).permutation(len(values)) % 2 == 0).tolist()
    (found,) = separate(numbers(a=[float(v) for v in values]), abnormal, permutations=3)
    if len(set(values)) == 1:
        assert found.auroc is None
        return
    expected = roc_auc_score(abnormal, values)
    assert found.auroc == pytest.approx(max(expected, 1 - expected))
    assert found.auroc is not None
    assert 0.5 <= found.low <= found.auroc + 1e-9 <= found.high + 2e-9 <= 1 + 2e-9


def test_missing_values_are_left_out() -> None:
    values = [1.0, 2.0, 3.0, 4.0, None, None]
    (found,) = separate(numbers(a=values), [False, False, True, True, True, False])
    assert (found.auroc, found.n_normal, found.n_abnormal) == (1.0, 2, 2)


@pytest.mark.parametrize(
    ("values", "abnormal"),
    [
        ([1.0] * 6, [True, False] * 3),
        ([1.0, 2.0], [True, False]),
        ([1.0, 2.0, 3.0, 4.0], [True] * 4),
        ([1.0, 2.0, 3.0, 4.0], [False] * 4),
        ([1.0, None, 3.0, None], [False, True, False, True]),
        ([None] * 4, [False, True, False, True]),
        ([1.0, 2.0, 3.0, 4.0], [False, False, False, True]),
    ],
)
def test_no_answer_and_no_warning(values: list[float | None], abnormal: list[bool]) -> None:
    found = screen_table(numbers(a=values), abnormal)
    assert of(found, "a").auroc is None
    assert found.warnings == ()
    assert found.as_json()["without_answer"] == ["a"]


def test_a_handful_of_images_is_no_alarm_however_well_it_separates() -> None:
    found = screen_table(numbers(a=[1.0, 2.0, 3.0, 4.0]), [False, False, True, True])
    assert of(found, "a").auroc == 1.0
    assert of(found, "a").chance >= 1.0
    assert found.warnings == ()


def test_the_best_of_many_random_properties_is_seldom_a_warning() -> None:
    """With 60 properties of 24 images the best one passes 0.75 often, the permutations' maximum not."""
    above_level = warned = 0
    for seed in range(20):
        found = separate(random_table(seed, 24, 60), [True, False] * 12)
        above_level += any((one.auroc or 0) >= 0.75 for one in found)
        warned += any(one.is_above(0.75) for one in found)
    assert above_level > 10
    assert warned <= 4


def test_labels_are_permuted_by_group() -> None:
    """Six images of each of 12 parts: what tells parts apart is worth 12 images and not 72."""
    generator = np.random.default_rng(3)
    parts = np.repeat(np.arange(12), 6)
    values = generator.normal(size=12)[parts] + generator.normal(0, 0.01, 72)
    abnormal = (parts % 2 == 0).tolist()
    (alone,) = separate(numbers(a=values.tolist()), abnormal)
    (kept,) = separate(numbers(a=values.tolist()), abnormal, parts.tolist())
    assert alone.auroc == kept.auroc
    assert kept.chance > alone.chance + 0.1
    assert kept.high - kept.low > alone.high - alone.low + 0.1


def test_the_interval_covers_as_it_promises() -> None:
    generator = np.random.default_rng(0)
    true = 0.7602499389065233  # of two unit normals that lie one apart: Phi(1 / sqrt 2)
    inside = 0
    for _ in range(400):
        good, bad = generator.normal(size=25), generator.normal(1.0, size=35)
        low, high = auroc_interval(float((bad[:, None] > good).mean()), 25, 35, 0.95)
        inside += low <= true <= high
    assert inside >= 372


def test_the_interval_has_a_width_also_where_the_separation_is_perfect() -> None:
    few, many = auroc_interval(1.0, 5, 5, 0.95), auroc_interval(1.0, 500, 500, 0.95)
    assert 0.5 < few[0] < 0.8
    assert 0.98 < many[0] < 1.0
    assert few[1] == many[1] == 1.0


def test_a_category_is_coded_by_its_levels_and_never_by_the_labels() -> None:
    column = Column("kind", "the kind", "the encoder", "file")
    each = PropertyTable((column,), {"kind": [f"serial {at}" for at in range(40)]})
    assert of(screen_table(each, [True, False] * 20), "kind").auroc is None
    two = PropertyTable((column,), {"kind": ["a", "b"] * 20})
    found = screen_table(two, [True, False] * 20)
    assert of(found, "kind").auroc == 1.0
    assert of(found, "kind").level in ("a", "b")
    assert "100 % of the" in found.warnings[0]
    assert features_of(two).levels == ("a", "b")


def test_the_same_seed_gives_the_same_answer() -> None:
    table, abnormal = random_table(1, 40, 5), [True, False, False, True] * 10
    assert screen_table(table, abnormal).as_json() == screen_table(table, abnormal).as_json()
