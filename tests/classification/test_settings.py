"""The union parses from plain data, and what makes no sense is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tasks.classification.settings import ClassificationSettings, ExtraTreesSettings


def test_members_are_told_apart_by_kind() -> None:
    settings = ClassificationSettings.model_validate(
        {"members": [{"kind": "extra_trees", "trees": 7}, {"kind": "lightgbm"}], "draws": 500}
    )
    assert settings.members[0] == ExtraTreesSettings(trees=7)
    assert ClassificationSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"members": [{"kind": "oracle"}]},
        {"members": []},
        {"members": [{"kind": "lightgbm"}, {"kind": "lightgbm", "trees": 3}]},
        {"folds": 1},
        {"correlation_limit": 1.5},
        {"criterion": "luck"},
        {"smoke": True},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClassificationSettings.model_validate(wrong)
