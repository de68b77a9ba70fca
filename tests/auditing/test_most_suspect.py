"""The labels that scores contradict most come first."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.auditing.choosing import most_suspect
from tasks.vocabulary.errors import InputError


def test_the_worst_contradiction_leads_whichever_the_class() -> None:
    scores_N = np.array([0.1, 0.9, 0.2, 0.95, 0.5])
    labels_N = np.array([0, 0, 1, 1, 1])
    assert most_suspect(scores_N, labels_N) == (1, 2, 4, 0, 3)


def test_equal_ones_keep_their_order_and_no_answer_contradicts_nothing() -> None:
    scores_N = np.array([np.inf, 0.75, 0.25, np.nan])
    assert most_suspect(scores_N, np.array([1, 0, 1, 0])) == (1, 2)


def test_a_label_is_zero_or_one() -> None:
    with pytest.raises(InputError):
        most_suspect(np.array([0.5]), np.array([2]))
