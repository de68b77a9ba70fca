"""Studies on real workers: the figures of one process, found again without any."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest

from tasks.baselines.settings import MeanImageSettings, SupervisedSettings
from tasks.classification.honest_protocol import honest_protocol
from tasks.classification.network_settings import NetworkSettings
from tasks.classification.parts import with_columns
from tasks.classification.settings import LogisticRegressionSettings, ProtocolSettings
from tasks.evaluate import read_evaluation
from tasks.rival_trials import Arena, Contender
from tasks.study import (
    study_defect_ratios,
    study_families,
    study_labels,
    study_learning_curve,
)
from tasks.studying import Subject
from tasks.trials import Sample
from tasks.vocabulary.errors import InputError
from tasks.workers import Workers
from tests.tasks.test_audit import FEATURES, LINE, SETTINGS, TURNED, UNANSWERED, Plant

pytestmark = pytest.mark.slow

PROTOCOL = ProtocolSettings(folds=3, repeats=2)
NOBODY = Workers("tcp://127.0.0.1:1", 1)
"""Whoever needs these finds out that nobody answers there."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(None, 1) as started:
        yield started


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    made = Plant(tmp_path_factory.mktemp("plant") / "store", LogisticRegressionSettings())
    made.stores.registry.promote(LINE, made.bundle.key)
    return made


@pytest.fixture(scope="module")
def subject(plant: Plant) -> Subject:
    return Subject(Sample(LINE, FEATURES, plant.development), SETTINGS, PROTOCOL)


def test_a_family_alone_is_a_table_that_never_had_the_others(
    plant: Plant, subject: Subject, workers: Workers
) -> None:
    made = study_families.fn(plant.stores, subject, workers)
    found = read_evaluation(plant.stores, made)
    examples = subject.sample.examples(plant.stores)
    by_name = {one["name"]: one for one in found["methods"]}
    for name, columns in (
        ("all metrics", examples.columns),
        ("image alone", ("image.mse", "image.difference.sum")),
        ("all without image", examples.columns[2:]),
    ):
        expected = honest_protocol(PROTOCOL, SETTINGS, with_columns(examples, columns))
        rows = expected.of("logistic_regression")
        assert by_name[name]["auroc"] == pytest.approx(np.mean([row.auroc for row in rows]))
        normals = rows[0].ladder[0].n_normal + 1  # of the two without an answer one is normal
        called = np.mean([row.ladder[0].false_calls + 1 for row in rows])
        assert by_name[name]["fpr_at_fn"]["0"]["rate"] == pytest.approx(called / normals)
    assert by_name["all metrics"]["paired"] is None
    alone, chain = by_name["image alone"], by_name["+ mask"]
    assert alone["paired"]["low"] <= alone["paired"]["difference"] <= alone["paired"]["high"]
    assert chain["paired"]["difference"] == 0.0  # the whole chain is all metrics again
    assert study_families.fn(plant.stores, subject, NOBODY) == made


def test_the_curve_ends_with_everything(plant: Plant, subject: Subject, workers: Workers) -> None:
    made = study_learning_curve.fn(plant.stores, subject, (6, 4, 500), 2, workers)
    points = read_evaluation(plant.stores, made)["points"]
    families = read_evaluation(plant.stores, study_families.fn(plant.stores, subject, workers))
    assert [one["rounds"] for one in points] == [4, 4, 2]
    assert [one["defects"] for one in points[:2]] == [4, 6]
    assert points[-1]["auroc"] == families["methods"][0]["auroc"]
    assert points[0]["auroc"] != points[1]["auroc"]


def test_turned_labels_are_suspects_and_the_ladder_says_what_they_cost(
    plant: Plant, subject: Subject, workers: Workers
) -> None:
    found = read_evaluation(plant.stores, study_labels.fn(plant.stores, subject, 2, workers))
    leading = {one["image_id"] for one in found["suspects"][:5]}
    assert {f"image-{row:02}" for row in TURNED} <= leading
    assert not {f"image-{row:02}" for row in UNANSWERED} & {
        one["image_id"] for one in found["suspects"]
    }
    before, *_, after = found["steps"]
    assert after["removed"] == 5  # a tenth of 58 images, and no more
    assert after["auroc"] > before["auroc"]
    assert after["fpr_at_fn"]["0"]["n_normal"] < before["fpr_at_fn"]["0"]["n_normal"]
    cleaned = found["cleaned"][-1]["fpr_at_fn"]["0"]
    assert cleaned["n_normal"] == before["fpr_at_fn"]["0"]["n_normal"]
    setting = sum(one["sets_threshold_in_folds"] for one in found["suspects"])
    assert setting >= found["folds_in_all"] == PROTOCOL.folds * PROTOCOL.repeats
    listed = {one["image_id"] for one in found["suspects"] if one["audited"]}
    assert listed <= set(found["audit"]["images"])
    assert any("sets the threshold" in why for why in found["audit"]["images"].values())


def test_a_network_with_more_defects_to_learn_from_finds_more(
    plant: Plant, workers: Workers
) -> None:
    images = plant.development
    generator = np.random.default_rng(0)
    maps_NK = generator.normal(size=(len(images.labels), 4)) + 3.0 * images.labels_N[:, None]
    maps_NK[3] = np.nan  # no answer: flagged
    table = io.BytesIO()
    np.save(table, maps_NK, allow_pickle=False)
    columns = [f"input/0/{row}/{column}" for row in range(2) for column in range(2)]
    content = {"images": images.image_ids, "columns": columns, "facts": {}}
    described = {"rows.npy": table.getvalue(), "rival.json": json.dumps(content).encode()}
    plant.stores.registry.put("rivals", "network", described)
    network = NetworkSettings(filters=4, epochs=20, batch_size=8, learning_rate=1e-2)
    contenders = (Contender(SupervisedSettings(network=network), "network"),)
    arena = Arena(LINE, images, SETTINGS, PROTOCOL)

    made = study_defect_ratios.fn(plant.stores, arena, contenders, (0.5, 0.0, 0.2), workers)
    found = read_evaluation(plant.stores, made)
    none, few, half = found["methods"][0]["points"]

    assert [none["ratio"], few["ratio"], half["ratio"]] == [0.0, 0.2, 0.5]
    assert none["defects"] == 0
    assert none["recall"] <= 1 / found["n_abnormal"]  # nothing but the image without an answer
    assert half["defects"] == int(found["images"] * 0.5 + 0.5)
    assert half["f1"] > 0.8 > none["f1"]
    assert half["recall"] >= few["recall"]
    assert half["rounds"] == PROTOCOL.repeats
    again = study_defect_ratios.fn(plant.stores, arena, contenders, (0.0, 0.2, 0.5), NOBODY)
    assert again == made
    wrong = (Contender(MeanImageSettings(), "network"),)
    with pytest.raises(InputError, match="trains no network"):
        study_defect_ratios.fn(plant.stores, arena, wrong, (0.5,), NOBODY)
