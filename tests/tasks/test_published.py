"""What the report says of a published system: own scores with their cuts, pictures, distances of sets."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.features import FeatureTable
from storage.images import ImageRow
from storage.snapshots import Snapshot, SnapshotRow
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.batches import measure_images
from tasks.candidates.settings import CandidatesSettings
from tasks.certification.crossing import density_crossing, fitted_density
from tasks.jobs import InstrumentSettings, Measuring
from tasks.perception.settings import PixelsSettings
from tasks.published import as_published, own_score_rows
from tasks.reconstruction.latent_distance import LatentDistanceReconstructor
from tasks.reconstruction.latent_figures import latent_figures
from tasks.reconstruction.latent_gaussians import set_distance
from tasks.reconstruction.persistence import save_reconstructor
from tasks.reconstruction.settings import MeanImageSettings, ReconstructionSettings
from tasks.reporting.published_content import (
    LatentPictures,
    OwnCut,
    SetDistances,
)
from tasks.score_sheet import labelled
from tasks.vocabulary.arrays import Int64Array, UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tasks.workers import Workers
from tests.reconstruction.test_latent_distance import tiny_latent_distance, untrained
from tests.reconstruction.test_vae import tiny_vae
from tests.reconstruction.tiny import gratings

LINE, IMAGES, FEATURES = "stripes", "images", "features"
NOBODY = Workers("tcp://127.0.0.1:1", 1)
NORMAL, ABNORMAL = (0.1, 0.2, 0.3, 0.6), (0.5, 0.8, 0.9, 1.0)
OWN = ("latent_distance", "pyramid_loss")


def table_of(*scores: tuple[float, ...], unanswered: int = 0) -> FeatureTable:
    """Columns of own scores after one metric; the first images have no answer."""
    count = len(scores[0])
    values_NM = np.stack([np.zeros(count), *map(np.asarray, scores)], axis=1).astype(np.float64)
    values_NM[:unanswered] = math.nan
    columns = ("image.mse", *(f"system.{name}" for name in OWN[: len(scores)]))
    statuses = ("blurred",) * unanswered + ("ok",) * (count - unanswered)
    return FeatureTable(values_NM, columns, tuple(f"i{row}" for row in range(count)), statuses)


def labels(normal: int = 4, abnormal: int = 4) -> Int64Array:
    return np.repeat(np.array([0, 1], dtype=np.int64), [normal, abnormal])


def test_each_score_has_its_auroc_and_both_cuts() -> None:
    table = table_of(NORMAL + ABNORMAL, ABNORMAL + NORMAL)
    first, second = own_score_rows(table, labels(), OWN)
    assert first.column == "system.latent_distance"
    assert "Fréchet distance of the latent" in first.meaning
    assert first.source == "latent representation distance"
    assert (first.decides, second.decides) == (True, False)
    assert first.auroc == pytest.approx(15 / 16)
    assert second.auroc == pytest.approx(1 / 16)
    assert first.zero_escape == OwnCut(0.5, 0, 1)
    cut = density_crossing(fitted_density(np.array(NORMAL)), fitted_density(np.array(ABNORMAL)))
    assert 0.5 < cut < 0.6
    assert first.crossing == OwnCut(cut, 1, 1)
    assert isinstance(second.crossing, str)
    assert "do not cross between their means" in second.crossing
    assert second.zero_escape == OwnCut(0.1, 0, 4)


def test_scores_without_a_density_or_a_defect_say_why_there_is_no_cut() -> None:
    (alike,) = own_score_rows(table_of((1.0, 1.0, 2.0, 3.0)), labels(2, 2), OWN[:1])
    assert isinstance(alike.crossing, str)
    assert "all alike" in alike.crossing
    assert alike.zero_escape == OwnCut(2.0, 0, 0)
    (good,) = own_score_rows(table_of(NORMAL), labels(4, 0), OWN[:1])
    assert math.isnan(good.auroc)
    assert isinstance(good.crossing, str)
    assert isinstance(good.zero_escape, str)
    assert "too few for a threshold" in good.zero_escape


def test_images_without_an_answer_are_left_out() -> None:
    whole = own_score_rows(table_of(NORMAL + ABNORMAL), labels(), OWN[:1])
    lacking = table_of((99.0, 99.0, *NORMAL, *ABNORMAL), unanswered=2)
    assert own_score_rows(lacking, labels(normal=6), OWN[:1]) == whole


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match=r"system\.pyramid_loss"):
        own_score_rows(table_of(NORMAL + ABNORMAL), labels(), OWN)


class Stripes:
    """A measured line of tiny images, whose untrained DCGAN knows the latents of good samples."""

    def __init__(self, root: Path) -> None:
        self.stores, self.reconstructor = Stores(root), untrained()
        self.images_NHWC = gratings(24)
        self.images_NHWC[15:, 4:9, 4:9] = 255
        self.reconstructor.fit_good(board_images(gratings(8, seed=3)))
        weights = root / "weights.safetensors"
        save_reconstructor(self.reconstructor, weights)
        files = {weights.name: weights.read_bytes()}
        self.stores.registry.put("models", "model", files)
        self.ids = tuple(f"i{row:02}" for row in range(24))
        rows = [ImageRow(image_id, f"{image_id}.png") for image_id in self.ids]
        self.stores.images(LINE, IMAGES).write_segment(self.images_NHWC, rows)
        measure_images(self.stores, self.measuring(tiny_latent_distance()), self.ids[6:])
        self.snapshot = self._snapshot("mask")

    def measuring(self, reconstruction: ReconstructionSettings) -> Measuring:
        pixels = PixelsSettings()
        candidates = CandidatesSettings(pixels=4, sizes=1, growth_px=4, kept=4)
        shape = (1, 16, 16)
        instrument = InstrumentSettings(
            shape, reconstruction, pixels, pixels, candidates, "model", None, None
        )
        return Measuring(instrument, LINE, IMAGES, FEATURES)

    def _snapshot(self, first: str) -> Snapshot:
        """Six unseen normals of the first role; nine normals and nine defects of development."""
        rows = [
            SnapshotRow(
                image_id,
                f"{image_id}.png",
                "normal" if row < 15 else "abnormal",
                first if row < 6 else "development",
            )
            for row, image_id in enumerate(self.ids)
        ]
        return self.stores.snapshots(LINE).commit(rows, IMAGES, "roles")

    def without_unseen(self) -> Snapshot:
        return self._snapshot("reconstruction")


def distance(made: LatentDistanceReconstructor, images_NHWC: UInt8Array) -> float:
    latents_ND = made.latents(board_images(images_NHWC)).numpy().astype(np.float64)
    return set_distance(latents_ND, made.good)


def test_a_line_without_own_scores_shows_nothing_and_asks_no_worker(tmp_path: Path) -> None:
    line = Stripes(tmp_path)
    judged = labelled(line.snapshot, Role.DEVELOPMENT)
    measuring = line.measuring(MeanImageSettings())
    assert as_published(line.stores, measuring, line.snapshot, judged, NOBODY) is None


def test_a_system_that_searches_no_latents_asks_no_worker(tmp_path: Path) -> None:
    line = Stripes(tmp_path)
    judged = labelled(line.snapshot, Role.DEVELOPMENT)
    measuring = replace(line.measuring(tiny_vae()), features_fingerprint="vae")
    columns = [f"system.{name}" for name in ("negative_elbo", "kl", "likelihood_loss")]
    values_NM = np.random.default_rng(0).random((18, 3))
    statuses = ["ok"] * 17 + ["no candidate"]
    features = line.stores.features(LINE, "vae")
    features.write_batch(judged.image_ids, values_NM, columns, statuses)
    found = as_published(line.stores, measuring, line.snapshot, judged, NOBODY)
    assert found is not None
    assert [row.column for row in found.scores] == columns
    assert (found.n_normal, found.n_abnormal, found.unanswered) == (9, 8, 1)
    assert found.pictures is None
    assert found.distances is None


@pytest.mark.slow
def test_pictures_and_distances_are_those_of_the_model_whoever_works(tmp_path: Path) -> None:
    line = Stripes(tmp_path)
    judged = labelled(line.snapshot, Role.DEVELOPMENT)
    measuring = line.measuring(tiny_latent_distance())
    with Workers(None, 1, 5) as workers:
        found = as_published(line.stores, measuring, line.snapshot, judged, workers)
        less = as_published(line.stores, measuring, line.without_unseen(), judged, workers)
    assert found is not None
    assert (found.n_normal, found.n_abnormal, found.unanswered) == (9, 9, 0)
    figures = latent_figures(line.reconstructor, line.images_NHWC[:6], seed=0)
    assert found.pictures == LatentPictures(figures.map_png, figures.interpolation_png, 6)
    assert isinstance(found.distances, SetDistances)
    assert found.distances.images_each == 6
    assert [row.distance for row in found.distances.rows] == [
        distance(line.reconstructor, line.images_NHWC[first : first + 6]) for first in (0, 6, 15)
    ]
    own_NS = line.reconstructor.reconstruct(board_images(line.images_NHWC[6:])).scores_NS
    assert own_NS is not None
    lowest = float(own_NS[9:, 0].min())
    assert isinstance(found.scores[0].zero_escape, OwnCut)
    assert found.scores[0].zero_escape.threshold == lowest
    assert less is not None
    assert less.scores == found.scores
    assert less.pictures == "0 images make no map."
    assert isinstance(less.distances, str)
