from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.reconstruction.schedule import (
    batch_flips,
    batch_indices,
    flipped,
    learning_rate,
    revival_is_due,
    revival_seed,
)
from tests.reconstruction.tiny import tiny_settings


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 1000))
def test_every_image_comes_once_an_epoch(count: int, batch_size: int, seed: int) -> None:
    steps = -(-count // batch_size)
    stream = np.concatenate([batch_indices(seed, s, batch_size, count) for s in range(steps)])
    assert sorted(stream[:count].tolist()) == list(range(count))


def test_order_is_a_function_of_seed_and_step() -> None:
    assert batch_indices(1, 7, 8, 30).tolist() == batch_indices(1, 7, 8, 30).tolist()
    assert batch_indices(1, 7, 8, 30).tolist() != batch_indices(2, 7, 8, 30).tolist()
    assert batch_flips(1, 7, 64).tolist() != batch_flips(1, 8, 64).tolist()
    assert revival_seed(1, 7) != revival_seed(1, 8)


def test_flips_mirror_what_they_say() -> None:
    images = torch.arange(16.0).view(4, 1, 2, 2)
    flips = np.array([[False, False], [True, False], [False, True], [True, True]])
    drawn = flipped(images, flips)
    assert drawn[0, 0].tolist() == [[0, 1], [2, 3]]
    assert drawn[1, 0].tolist() == [[6, 7], [4, 5]]
    assert drawn[2, 0].tolist() == [[9, 8], [11, 10]]
    assert drawn[3, 0].tolist() == [[15, 14], [13, 12]]


def test_learning_rate_warms_up_and_ends_low() -> None:
    settings = tiny_settings(learning_rate=1.0, final_learning_rate=0.1, warmup_steps=4, steps=24)
    rates = [learning_rate(settings, step) for step in range(24)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == pytest.approx(1.0)
    assert all(later <= earlier for earlier, later in pairwise(rates[4:]))
    assert rates[-1] == pytest.approx(0.1)


def test_revival_fills_the_codebook_first_and_ends_in_time() -> None:
    settings = tiny_settings(revival_interval=3, revival_end_step=7, steps=20)
    assert [step for step in range(20) if revival_is_due(settings, step)] == [0, 3, 6]
    never_again = tiny_settings(revival_end_step=0)
    assert [step for step in range(8) if revival_is_due(never_again, step)] == [0]
