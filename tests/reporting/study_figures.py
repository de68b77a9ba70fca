"""A study of three families with figures that can be told apart."""

from __future__ import annotations

from typing import Any

BASIS: dict[str, Any] = {
    "members": ["extra_trees"],
    "draws": 0,
    "folds": 5,
    "repeats": 2,
    "n_normal": 100,
    "n_abnormal": 50,
    "n_groups": 140,
}


def summary(auroc: float, rate: float, escapes: float = 1.0) -> dict[str, Any]:
    step = {
        "low": rate - 0.05,
        "high": rate + 0.05,
        "sd": 0.01,
        "lowest": rate,
        "highest": rate,
        "n_normal": 100,
        "n_abnormal": 50,
    }
    return {
        "auroc": auroc,
        "auroc_sd": 0.004,
        "std_accuracy": 0.88,
        "zfn_accuracy": 0.6,
        "rounds": 2,
        "fpr_at_fn": {
            name: {
                **step,
                "rate": rate / (1 + at),
                "escapes_fresh": escapes + at,
                "hindsight": rate / (1 + at),
            }
            for at, name in enumerate(("0", "0.01", "0.02", "0.05"))
        },
    }


def method(kind: str, families: list[str], name: str, difference: float | None) -> dict[str, Any]:
    paired = None
    if difference is not None:
        paired = {"difference": difference, "low": difference - 0.01, "high": difference + 0.01}
    figures = summary(0.95 + (difference or 0.0), 0.4)
    gain = paired if kind == "adding" and len(families) > 1 else None
    given = {"kind": kind, "families": families, "name": name, "columns": 7 * len(families)}
    return {**given, **figures, "paired": paired, "gain": gain}


FAMILIES: dict[str, Any] = {
    **BASIS,
    "families": {"image": 7, "bank": 7},
    "methods": [
        method("all", ["image", "bank"], "all metrics", None),
        method("only", ["image"], "image alone", -0.3),
        method("only", ["bank"], "bank alone", -0.02),
        method("without", ["bank"], "all without image", -0.02),
        method("without", ["image"], "all without bank", -0.3),
        method("adding", ["image"], "image", -0.3),
        method("adding", ["image", "bank"], "+ bank", 0.0),
    ],
}
CURVE: dict[str, Any] = {
    **BASIS,
    "draws": 3,
    "points": [
        {"defects": 10, **summary(0.9, 0.5, 7.0)},
        {"defects": 40, **summary(0.949, 0.45)},
    ],
}
SUSPECT: dict[str, Any] = {
    "image_id": "a" * 64,
    "label": "abnormal",
    "score": 0.0002,
    "rank": 1,
    "audited": True,
    "sets_threshold_in_folds": 6,
    "file": "abnormal/<b>1</b>.png",
}
LABELS: dict[str, Any] = {
    **BASIS,
    "folds_in_all": 10,
    "audit": {"count": 6, "images": {"a" * 64: "sets the threshold"}},
    "suspects": [
        SUSPECT,
        {**SUSPECT, "image_id": "b" * 64, "audited": False, "sets_threshold_in_folds": 4},
        {**SUSPECT, "image_id": "c" * 64, "audited": False, "sets_threshold_in_folds": 0},
    ],
    "steps": [
        {"removed": 0, **summary(0.95, 0.8)},
        {"removed": 2, "abnormal": 1, **summary(0.97, 0.3)},
    ],
    "cleaned": [
        {"removed": 0, **summary(0.95, 0.8)},
        {"removed": 2, **summary(0.94, 0.25, 9.0)},
    ],
}


def _ratio(share: float, defects: int, f1: float) -> dict[str, float]:
    point = {"precision": f1 + 0.05, "recall": f1 - 0.05, "f1": f1, "f1_sd": 0.01, "rounds": 2}
    return {"ratio": share, "defects": defects, **point}


NOTHING = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "f1_sd": 0.0, "rounds": 2}
RATIOS: dict[str, Any] = {
    **{name: value for name, value in BASIS.items() if name != "draws"},
    "members": ["Siamese distance (stride 16)", "supervised <network>"],
    "images": 80,
    "methods": [
        {
            "name": name,
            "kind": kind,
            "points": [
                {"ratio": 0.0, "defects": 0, **NOTHING},
                _ratio(0.1, 8, 0.6),
                _ratio(0.5, 40, best),
            ],
        }
        for name, kind, best in (
            ("Siamese distance (stride 16)", "siamese", 0.9),
            ("supervised <network>", "supervised", 0.85),
        )
    ],
}
FOUND = {"families": FAMILIES, "learning_curve": CURVE, "labels": LABELS, "defect_ratios": RATIOS}
