"""`zeroescape study` on a line that was retrained: figures and a page."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Retrained

pytestmark = pytest.mark.slow


def test_a_study_leaves_figures_and_a_page(retrained: Retrained) -> None:
    line = retrained.line
    place = line.folder / "study" / "tiles.json"
    asked = ("--member", "logistic_regression", "--repeats", 1, "--subsets", 1, "--defects", 4)
    printed = line.run("study", *asked, "--json", place)
    assert "NOT THE HEADLINE" in printed
    assert str(place.with_suffix(".html")) in printed
    found = json.loads(place.read_text())
    families = {"image", "pixel", "candidates", "mask", "memory", "places", "embedding"}
    assert set(found["families"]["families"]) == families
    assert found["learning_curve"]["points"][0]["defects"] == 4
    assert all(one["file"].endswith(".png") for one in found["labels"]["suspects"])
    page = place.with_suffix(".html").read_text()
    assert page.count("data:image/jpeg") == len(found["labels"]["suspects"])
