"""The audit of labels on a real store: tumours with a few labels turned round."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logit
from sklearn.datasets import load_breast_cancer

from storage.receipts import Receipt
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import PhotographSettings
from tasks.audit import audit, place_label_sheet
from tasks.audited import read_audit
from tasks.auditing.sheet import AuditedImage, LabelAudit
from tasks.auditing.speaking import FAMILIES
from tasks.candidates.settings import CandidatesSettings
from tasks.classification.developing import out_of_fold
from tasks.classification.persistence import load_composite_score, save_composite_score
from tasks.classification.pipelines import Parameters, fitted
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    ConstantScoreSettings,
    LogisticRegressionSettings,
)
from tasks.jobs import Bundle, InstrumentSettings, Measuring
from tasks.perception.settings import PixelsSettings
from tasks.progress import Progress, listening
from tasks.promote import freeze
from tasks.reconstruction.settings import MeanImageSettings
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.trials import Sample

LINE, FEATURES = "tumours", "f" * 8
COLUMNS = (
    "image.mse",
    "image.difference.sum",
    "pixel.difference.sum",
    "patch.ssim.sum",
    "masked.patch.ssim.sum",
)
DEVELOPMENT, HELD_OUT = 60, 30
# Rows of the development role whose label was turned round, and those without an answer.
TURNED, UNANSWERED = (0, 1), (7, 20)
PARAMETERS: Parameters = {"C": 0.7}
SETTINGS = ClassificationSettings(members=(LogisticRegressionSettings(),), folds=3)


class Plant:
    """A certified line whose features are given: two hundred numbers instead of photographs."""

    def __init__(
        self, root: Path, member: ClassifierSettings, settings: ClassificationSettings = SETTINGS
    ) -> None:
        self.stores, self.settings = Stores(root), settings
        table, benign = load_breast_cancer(return_X_y=True)
        labels = (1 - benign[: DEVELOPMENT + HELD_OUT]).astype(int)
        labels[list(TURNED)] = 1 - labels[list(TURNED)]
        names = [f"image-{number:02}" for number in range(len(labels))]
        statuses = ["blurred" if row in UNANSWERED else "ok" for row in range(len(labels))]
        self.stores.features(LINE, FEATURES).write_batch(
            names, table[: len(labels), : len(COLUMNS)], COLUMNS, statuses
        )
        groups = tuple(f"pair-{row // 2}" for row in range(DEVELOPMENT))
        self.development = Labelled(
            tuple(names[:DEVELOPMENT]), tuple(labels[:DEVELOPMENT].tolist()), groups
        )
        self.held_out = Labelled(tuple(names[DEVELOPMENT:]), tuple(labels[DEVELOPMENT:].tolist()))
        self.snapshot = self._snapshot()
        self.sheet, classifier = self._fitted(member)
        self.threshold = float(self.sheet.scores_N[self.sheet.images.labels_N == 1].min())
        self.bundle = self._bundle(classifier)
        self.certificate = self._certificate(classifier)

    @property
    def measuring(self) -> Measuring:
        instrument = InstrumentSettings(
            image_shape_CHW=(1, 64, 64),
            reconstruction=MeanImageSettings(),
            perception=PixelsSettings(),
            candidate_perception=PixelsSettings(),
            candidates=CandidatesSettings(),
            model_key="m",
            mask_key=None,
            scales_key=None,
        )
        return Measuring(instrument, LINE, "images", FEATURES)

    def audit(self, count: int = 4, **changes: Any) -> LabelAudit:
        return read_audit(self.stores, self.receipt(count, **changes).key)

    def receipt(
        self,
        count: int = 4,
        settings: ClassificationSettings | None = None,
        bundle: Receipt | None = None,
    ) -> Receipt:
        found: Receipt = audit.fn(
            self.stores,
            self.measuring,
            bundle or self.bundle,
            self.certificate,
            self.snapshot,
            settings or self.settings,
            count,
        )
        return found

    def _snapshot(self) -> Snapshot:
        rows = [
            SnapshotRow(name, f"{word}/{name}.png", word, role, "crack" * label)
            for images, role in (
                (self.development, "development"),
                (self.held_out, "certification"),
            )
            for name, label in zip(images.image_ids, images.labels, strict=True)
            for word in [("normal", "abnormal")[label]]
        ]
        return self.stores.snapshots(LINE).commit(rows, "images", "roles")

    def _fitted(self, member: ClassifierSettings) -> tuple[ScoreSheet, str]:
        """What `fit` leaves, by the same rooms."""
        parameters: Parameters = PARAMETERS if member.kind == "logistic_regression" else {}
        examples = Sample(LINE, FEATURES, self.development).examples(self.stores)
        scores = np.full(DEVELOPMENT, np.inf)
        known = np.setdiff1d(np.arange(DEVELOPMENT), UNANSWERED)
        scores[known] = out_of_fold(member, self.settings, parameters, examples, 0)
        sheet = ScoreSheet(self.development, tuple(scores.tolist()))
        score = fitted(member, self.settings, examples, parameters, 0)
        folder = Path(self.stores.root) / "fitted"
        save_composite_score(score, folder)
        files = {f"score/{path.name}": path.read_bytes() for path in folder.iterdir()}
        files[f"out-of-fold/{member.kind}.json"] = sheet.to_json()
        self.stores.registry.put("classifiers", "c", files, facts={"chosen": member.kind})
        return sheet, "c"

    def _bundle(self, classifier: str) -> Receipt:
        parts = Bundle(
            LINE,
            PhotographSettings(height_px=64, width_px=64, channels=1),
            NoAlignment(side_px=64),
            None,
            self.measuring.instrument,
            FEATURES,
            classifier,
            "t",
            self.threshold,
        )
        frozen: Receipt = freeze.fn(self.stores, parts)
        return frozen

    def _certificate(self, classifier: str) -> Receipt:
        folder = self.stores.registry.open("classifiers", classifier) / "score"
        table = self.stores.features(LINE, FEATURES).table(self.held_out.image_ids)
        scores = load_composite_score(folder).score(table.values_NM)
        sheet = ScoreSheet(self.held_out, tuple(scores.tolist()))
        return self.stores.registry.put("certificates", "z", {"scores.json": sheet.to_json()})


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path / "store", LogisticRegressionSettings())


def of(found: LabelAudit, role: str, reason: str) -> list[AuditedImage]:
    return [one for one in found.images if (one.role, one.reason) == (role, reason)]


def test_labels_turned_round_lead_the_list(plant: Plant) -> None:
    found = plant.audit()
    (setter,) = of(found, "development", "sets the threshold")
    called = of(found, "development", "false call")
    turned = {f"image-{row:02}" for row in TURNED}
    # Both turned labels are malignant tumours called normal: the highest of the normals.
    assert {one.image_id for one in called[:2]} == turned
    assert setter.score == plant.threshold == found.threshold
    assert setter.defect == "crack"
    assert setter.file == f"abnormal/{setter.image_id}.png"
    assert len(of(found, "development", "low defect")) == 3
    normals = plant.sheet.scores_N[plant.development.labels_N == 0]
    assert len(called) == ((normals >= plant.threshold) & np.isfinite(normals)).sum() == 3


def test_scores_are_the_stored_ones_and_contributions_make_them(plant: Plant) -> None:
    """Of one fold, log-odds differ between images by what their metrics added, exactly."""
    found = [one for one in plant.audit(20).images if one.families]
    by_id = dict(zip(plant.sheet.images.image_ids, plant.sheet.scores, strict=True))
    development = [one for one in found if one.role == "development"]
    assert all(one.score == by_id[one.image_id] for one in development)
    held = [one for one in found if one.role == "certification"]
    assert len(held) > 2
    rests = [logit(one.score) - sum(value for _, value in one.families) for one in held]
    np.testing.assert_allclose(rests, rests[0], atol=1e-9)
    rests = [logit(one.score) - sum(value for _, value in one.families) for one in development]
    assert len(set(np.round(rests, 9))) == SETTINGS.folds
    for one in found:
        assert tuple(name for name, _ in one.families) == FAMILIES
        loudness = [abs(value) for _, value in one.metrics]
        assert loudness == sorted(loudness, reverse=True)
        assert {name for name, _ in one.metrics} <= set(COLUMNS)


def test_no_fit_that_saw_the_image_explains_it(plant: Plant) -> None:
    """Development: another explanation than the final fit's, which saw all of them."""
    folder = plant.stores.registry.open("classifiers", "c") / "score"
    final = load_composite_score(folder)
    table = plant.stores.features(LINE, FEATURES).table(plant.development.image_ids)
    for one in of(plant.audit(), "development", "false call"):
        values = table.values_NM[plant.development.image_ids.index(one.image_id)]
        seen = final.contributions(values[None]).sum()
        assert sum(value for _, value in one.families) != pytest.approx(seen, rel=1e-3)


def test_images_without_an_answer_are_listed_as_such(plant: Plant) -> None:
    unanswered = of(plant.audit(), "development", "no answer")
    assert [one.image_id for one in unanswered] == [f"image-{row:02}" for row in UNANSWERED]
    for one in unanswered:
        assert (one.score, one.families, one.metrics) == (None, (), ())


def test_a_certification_without_a_missed_defect_lists_false_calls_only(plant: Plant) -> None:
    found = plant.audit(2)
    reasons = {one.reason for one in found.images if one.role == "certification"}
    scores = np.array(
        json.loads((plant.stores.registry.open("certificates", "z") / "scores.json").read_bytes())[
            "scores"
        ]
    )
    missed = (scores < plant.threshold) & (plant.held_out.labels_N == 1)
    assert ("missed defect" in reasons) == missed.any()
    assert "low defect" not in reasons


def test_a_second_audit_is_a_look_up_and_other_settings_are_another(plant: Plant) -> None:
    first = plant.receipt()
    heard: list[Progress] = []
    with listening(heard.append):
        assert plant.receipt() == first
    assert heard == []
    with listening(heard.append):
        assert plant.receipt(5).key != first.key
    assert {one.stage for one in heard} == {"audit"}
    assert heard[-1].done == heard[-1].total


def test_folds_that_score_otherwise_today_explain_nothing(plant: Plant) -> None:
    """Other library versions, told here by another seed: no explanation is better than a wrong one."""
    other = plant.settings.model_copy(update={"seed": 1})
    found = plant.audit(settings=other)
    development = [one for one in found.images if one.role == "development"]
    assert all(one.families == () for one in development)
    assert [one.image_id for one in development] == [
        one.image_id for one in plant.audit().images if one.role == "development"
    ]
    assert any(one.families for one in found.images if one.role == "certification")


def test_several_repeats_are_explained_by_their_mean(tmp_path: Path) -> None:
    twice = SETTINGS.model_copy(update={"repeats": 2})
    plant = Plant(tmp_path / "store", LogisticRegressionSettings(), twice)
    found = of(plant.audit(), "development", "false call")
    assert all(one.families and one.score in plant.sheet.scores for one in found)


def test_a_constant_score_lists_labels_and_says_that_nothing_spoke(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "store", ConstantScoreSettings())
    found = plant.audit(3)
    assert len(of(found, "development", "sets the threshold")) == 3
    assert len(of(found, "development", "false call")) == 3
    for one in of(found, "development", "false call"):
        assert [value for _, value in one.families] == [0.0] * len(FAMILIES)
        assert one.metrics == ()


def sheet_of(place: Path) -> list[dict[str, str]]:
    with place.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_sheet_lies_beside_the_report_and_is_replaced_while_untouched(
    plant: Plant, tmp_path: Path
) -> None:
    page = tmp_path / "tumours.html"
    place = place_label_sheet(plant.stores, plant.receipt(), page)
    assert place == tmp_path / "tumours-label-audit.csv"
    first = sheet_of(place)
    assert [row["image_id"] for row in first] == [one.image_id for one in plant.audit().images]
    assert place_label_sheet(plant.stores, plant.receipt(5), page) == place
    assert len(sheet_of(place)) > len(first)
    assert [path.name for path in tmp_path.glob("*label*")] == [place.name]


def test_a_sheet_that_somebody_filled_in_stays(plant: Plant, tmp_path: Path) -> None:
    page = tmp_path / "tumours.html"
    place = place_label_sheet(plant.stores, plant.receipt(), page)
    filled = place.read_text().replace(",,,", ",Ann,a shadow,", 1)
    place.write_text(filled)
    new = place_label_sheet(plant.stores, plant.receipt(5), page)
    assert new == tmp_path / "tumours-new-label-audit.csv"
    assert place.read_text() == filled
    assert len(sheet_of(new)) > 0


def test_a_bundle_of_another_threshold_is_another_audit(plant: Plant) -> None:
    bundle = json.loads(
        (plant.stores.registry.open("bundles", plant.bundle.key) / "bundle.json").read_bytes()
    )
    assert bundle["threshold"] == plant.threshold
    higher = sorted(plant.sheet.scores_N[plant.development.labels_N == 1])[2]
    plant.threshold = float(higher)
    found = plant.audit(bundle=plant._bundle("c"))
    assert len(of(found, "development", "missed defect")) == 2
    assert len(of(found, "development", "sets the threshold")) == 1
