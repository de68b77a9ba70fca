"""Small labelled tables, and every member of the union in a small size."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from tasks.classification.settings import (
    PAPER_MEMBERS,
    ClassificationSettings,
    ClassifierSettings,
    ConstantScoreSettings,
    ZfnBoostingSettings,
)
from tasks.vocabulary.arrays import Float64Array, Int64Array

UNION = get_args(get_args(ClassifierSettings)[0])


def small(member: ClassifierSettings) -> ClassifierSettings:
    """Few trees, where a member has any."""
    return member.model_copy(update={"trees": 25}) if hasattr(member, "trees") else member


LEARNERS = tuple(small(member) for member in (*PAPER_MEMBERS, ZfnBoostingSettings()))
MEMBERS = (*LEARNERS, ConstantScoreSettings())
QUICK = ClassificationSettings(folds=2, repeats=1)

Labelled = tuple[Float64Array, Int64Array]


@pytest.fixture(scope="session")
def tumours() -> Labelled:
    """Give 120 real rows of 30 columns of unlike scales; 1 = malignant, the rarer class."""
    table, benign = load_breast_cancer(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(table))[:120]
    return table[chosen].astype(np.float64), (1 - benign[chosen]).astype(np.int64)
