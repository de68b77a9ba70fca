"""What each column adds to the value of an ensemble of scikit-learn's trees: exact TreeSHAP.

Shapley values of the trees' own path-dependent expectation (Lundberg et al. 2020, "From local
explanations to global understanding with explainable AI for trees", algorithm 2), by the package
`shap`. The trees are handed over node by node, with the leaf values that the member scores with, so
that contributions and score are of one piece.

Legend: N images, K kept metrics, L nodes of a tree.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tasks.vocabulary.arrays import Float64Array


class ValuedTree(NamedTuple):
    """A fitted tree with what each of its nodes adds to the score, and how many images it held."""

    nodes: Any
    values_L: Float64Array
    images_L: Float64Array


def tree_contributions(trees: Iterable[ValuedTree], scaled_NK: Float64Array) -> Float64Array:
    """Give float64 [N, K]; a row sums to the trees' summed leaf values less their expectation.

    The expectation is over the fitted images, as the nodes counted them. Columns that no tree
    splits on get exactly 0. Every row is worked out by itself.
    """
    model = {
        "trees": [_described(tree) for tree in trees],
        # scikit-learn compares in float32; so must we, or an image may take another path.
        "input_dtype": np.float32,
    }
    explainer = _shap().TreeExplainer(model, feature_perturbation="tree_path_dependent")
    rows_NK = np.ascontiguousarray(scaled_NK, dtype=np.float32)
    found = explainer.shap_values(rows_NK, check_additivity=False)
    return np.asarray(found, dtype=np.float64).reshape(scaled_NK.shape)


def _described(tree: ValuedTree) -> dict[str, Any]:
    nodes = tree.nodes
    return {
        "children_left": np.asarray(nodes.children_left),
        "children_right": np.asarray(nodes.children_right),
        "children_default": np.asarray(nodes.children_left),  # never taken: no value is missing
        "features": np.asarray(nodes.feature),
        "thresholds": np.asarray(nodes.threshold, dtype=np.float64),
        "values": np.asarray(tree.values_L, dtype=np.float64)[:, None],
        "node_sample_weight": np.asarray(tree.images_L, dtype=np.float64),
    }


def _shap() -> Any:
    # Imported on use: it brings numba, which takes seconds. Its colour maps use a call that
    # matplotlib is about to retire, which must not stop a run where warnings are errors.
    if "shap" not in sys.modules:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import shap  # noqa: F401
    return sys.modules["shap"]
