from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from tasks.alignment.settings import (
    AlignmentSettings,
    EccAlignment,
    FeatureAlignment,
    FiducialAlignment,
    NoAlignment,
)

ADAPTER: TypeAdapter[AlignmentSettings] = TypeAdapter(AlignmentSettings)
MARKS = [{"x_px": 60, "y_px": 60, "radius_px": 6}, {"x_px": 300, "y_px": 310, "radius_px": 6}]


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({"kind": "none"}, NoAlignment),
        ({"kind": "fiducials", "marks": MARKS, "search_px": 30}, FiducialAlignment),
        ({"kind": "ecc"}, EccAlignment),
        ({"kind": "features"}, FeatureAlignment),
    ],
)
def test_the_kind_chooses_the_member(given: dict[str, object], member: type) -> None:
    settings = ADAPTER.validate_python({**given, "side_px": 64})
    assert isinstance(settings, member)
    assert ADAPTER.validate_json(ADAPTER.dump_json(settings)) == settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "none", "side_px": 0}, "greater than 0"),
        ({"kind": "none", "photometry": {"match_reference": True}}, "has none"),
        ({"kind": "none", "photometry": {"gamma": 0}}, "greater than 0"),
        ({"kind": "none", "photometry": {"gamma": float("inf")}}, "finite"),
        ({"kind": "fiducials", "marks": MARKS[:1], "search_px": 3}, "at least 2"),
        ({"kind": "fiducials", "marks": MARKS * 3, "search_px": 3}, "at most 4"),
        ({"kind": "fiducials", "marks": MARKS, "search_px": 3, "model": "affine"}, "3 marks"),
        ({"kind": "ecc", "limits": {"confidence": 1.2}}, "less than or equal to 1"),
        ({"kind": "ecc", "model": "homography"}, "translation"),
        ({"kind": "features", "limits": {"residual_px": 0}}, "greater than 0"),
        ({"kind": "optical flow"}, "none"),
        ({"kind": "ecc", "pyramid": 3}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ADAPTER.validate_python({"side_px": 64, **given})


def test_two_marks_at_one_place_are_refused() -> None:
    with pytest.raises(ValidationError, match="one place"):
        ADAPTER.validate_python(
            {"kind": "fiducials", "side_px": 64, "marks": [MARKS[0]] * 2, "search_px": 3}
        )


def test_three_marks_on_a_line_give_no_affine_pose() -> None:
    line = [{"x_px": 60 * n, "y_px": 60 * n, "radius_px": 6} for n in (1, 2, 3)]
    with pytest.raises(ValidationError, match="on one line"):
        ADAPTER.validate_python(
            {"kind": "fiducials", "side_px": 64, "marks": line, "search_px": 3, "model": "affine"}
        )
