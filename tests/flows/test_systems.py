"""`zeroescape compare` of several systems: each retrained, and judged on the same images."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.compare import CompareRequest
from flows.settings import LineSettings, load_settings
from flows.systems import compare_systems, require_one_store
from flows.systems_settings import is_of_systems, load_systems
from tasks.classification.settings import ClassificationSettings, ProtocolSettings
from tasks.rival_trials import Arena
from tasks.rivals import require_same_images
from tasks.score_sheet import Labelled
from tasks.vocabulary.errors import InputError
from tests.conftest import Retrained
from tests.product_line import ProductLine, ended, receipts

SYSTEMS: dict[str, Any] = {
    "title": "Two systems on tiles",
    "repeats": 1,
    "sets": [
        {
            "name": "tiles",
            "systems": [
                {"name": "VQGAN", "config": "tiles.yaml"},
                {"name": "Mean image", "config": "mean.yaml"},
            ],
        }
    ],
}


def written(folder: Path, content: Any, name: str = "compare-two.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / name
    place.write_text(yaml.safe_dump(content))
    return place


def mean_of(line: ProductLine, **changes: Any) -> None:
    """Beside the line's configuration one that draws the mean image instead."""
    content = yaml.safe_load(line.config.read_text())
    content |= {"line": "tiles-mean", "reconstruction": {"kind": "mean_image"}, **changes}
    written(line.folder, content, "mean.yaml")


@pytest.fixture
def line(retrained: Retrained, busy_environment: dict[str, str], tmp_path: Path) -> ProductLine:
    shutil.copytree(retrained.line.store, tmp_path / "store")
    changes: dict[str, dict[str, Any]] = {
        "compare": {"rivals": [{"kind": "ganodip_score"}]},
        "dask": {"workers": 1},
    }
    return ProductLine(tmp_path, retrained.line.archive, busy_environment, changes)


def compared(line: ProductLine, config: Path, *more: object) -> str:
    return ended(line.start_words("compare", config, *more))


@pytest.mark.slow
def test_systems_are_judged_on_the_same_images_and_a_second_run_is_a_look_up(
    line: ProductLine,
) -> None:
    mean_of(line)
    config, place = written(line.folder, SYSTEMS), line.folder / "found.json"
    page = line.folder / "page.html"
    compared(line, config, "--json", place, "--html", page)
    found = json.loads(place.read_text())["sets"]["tiles"]
    methods = {one["name"]: one for one in found["methods"]}
    assert list(methods) == [
        "VQGAN, composite on top",
        "VQGAN, GanoDIP score",
        "Mean image, composite on top",
        "Mean image, GanoDIP score",
    ]
    assert [one["kind"] for one in found["methods"]] == [
        "composite",
        "ganodip_score",
        "composite on top",
        "ganodip_score",
    ]
    first, *others = found["methods"]
    assert first["paired"] is None
    for one in others:
        assert one["paired"]["difference"] == pytest.approx(one["auroc"] - first["auroc"])
    assert methods["Mean image, composite on top"]["training_seconds"] > 0
    assert methods["Mean image, composite on top"]["psnr_db"] is None
    redrawn = methods["VQGAN, composite on top"]
    assert redrawn["psnr_db"] != redrawn["mean_image_psnr_db"] > 10
    assert "Mean image, composite on top" in (line.folder / "page-tiles.html").read_text()

    # A look at the certification role is counted, hence another certificate; nothing is measured again.
    kinds = ("models", "features", "rivals", "trials", "evaluations")
    done = [receipts(line.store, kind) for kind in kinds]
    compared(line, config, "--json", place)
    assert [receipts(line.store, kind) for kind in kinds] == done
    assert json.loads(place.read_text())["sets"]["tiles"]["methods"] == found["methods"]


def settings_of(line: ProductLine, **changes: Any) -> LineSettings:
    mean_of(line, **changes)
    return load_settings(line.folder / "mean.yaml")


def test_systems_in_two_stores_are_refused(tmp_path: Path) -> None:
    line = ProductLine(tmp_path, tmp_path, {})
    images = load_systems(written(tmp_path, SYSTEMS)).sets[0]
    first, second = load_settings(line.config), settings_of(line)
    require_one_store(images, [first, second])
    with pytest.raises(InputError, match="Give their configurations one `store`"):
        require_one_store(images, [first, settings_of(line, store=str(tmp_path / "other"))])


@pytest.mark.parametrize("more", [{"rivals": ("mean_image",)}, {"hold_out": True}])
def test_options_of_a_line_are_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"`compare\.rivals` of the lines"):
        compare_systems.fn(CompareRequest(written(tmp_path, SYSTEMS), **more))


ARENA = Arena(
    "one",
    Labelled(("a", "b"), (0, 1)),
    ClassificationSettings(),
    ProtocolSettings(),
)


def test_systems_on_other_images_or_folds_are_no_pair() -> None:
    require_same_images(ARENA, replace(ARENA, line="two"))
    with pytest.raises(InputError, match="same images"):
        require_same_images(ARENA, replace(ARENA, images=Labelled(("a", "c"), (0, 1))))
    with pytest.raises(InputError, match="same outer folds"):
        require_same_images(ARENA, replace(ARENA, protocol=ProtocolSettings(repeats=1)))


def test_a_file_of_systems_is_told_from_a_line(tmp_path: Path) -> None:
    assert is_of_systems(written(tmp_path, SYSTEMS))
    assert not is_of_systems(Path("configs/elpv-mono.yaml"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sets": []}, "sets: "),
        ({"sets": [{"name": "a b", "systems": SYSTEMS["sets"][0]["systems"]}]}, "sets.0.name"),
        ({"sets": [{"name": "a", "systems": SYSTEMS["sets"][0]["systems"][:1]}]}, "at least 2"),
        ({"sets": [{"name": "a", "systems": [{"name": "x", "config": "y"}] * 2}]}, "listed twice"),
        ({"speed": 3}, "speed"),
    ],
)
def test_what_is_wrong_in_such_a_file_is_named(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        load_systems(written(tmp_path, SYSTEMS | change))
