"""One image on both roads; the two differ in how a box is measured, and in nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from tasks.candidates.scales import box_scales
from tasks.candidates.settings import CandidatesSettings, ExactRoad, FastRoad, Road
from tasks.instrument import Instrument
from tasks.jobs import InstrumentSettings
from tasks.perception.backbone import build_perception
from tasks.perception.settings import EfficientNetLite0Settings, PixelsSettings
from tasks.reconstruction.mean_image import MeanImageReconstructor
from tasks.reconstruction.settings import MeanImageSettings
from tasks.vocabulary.arrays import Float32Array, UInt8Array

SIDE_PX = 48


def boards() -> UInt8Array:
    """`[N, H, W, 1]`: noise over a ramp; the last one has a bright blot."""
    generator = np.random.default_rng(0)
    ramp_HW = np.linspace(60, 160, SIDE_PX)[:, None] + np.zeros(SIDE_PX)
    boards_NHW = ramp_HW + generator.normal(0, 6, (7, SIDE_PX, SIDE_PX))
    boards_NHW[-1, 20:30, 8:18] += 80
    return np.clip(boards_NHW, 0, 255).astype(np.uint8)[..., None]


@lru_cache(maxsize=4)
def instrument(road: Road, *, masked: bool = True, backbone: str = "pixels") -> Instrument:
    reconstructor = MeanImageReconstructor((1, SIDE_PX, SIDE_PX))
    reconstructor.fit(boards()[:4])
    seen = PixelsSettings() if backbone == "pixels" else EfficientNetLite0Settings()
    settings = InstrumentSettings(
        image_shape_CHW=(1, SIDE_PX, SIDE_PX),
        reconstruction=MeanImageSettings(),
        perception=seen,
        candidate_perception=seen,
        candidates=CandidatesSettings(pixels=10, sizes=2, growth_px=4, kept=30, road=road),
        model_key="mean",
        mask_key=None,
        scales_key=None,
    )
    perception = build_perception(seen)
    rows_HW = np.linspace(1.0, 0.5, SIDE_PX, dtype=np.float32)[:, None]
    mask_HW: Float32Array | None = rows_HW * np.ones(SIDE_PX, np.float32) if masked else None
    return Instrument(reconstructor.eval(), perception, perception, mask_HW, None, None, settings)


ROADS = (FastRoad(standardised=False), ExactRoad(patch_px=32, batch_patches=16))


@pytest.mark.parametrize("road", ROADS, ids=lambda road: str(road.kind))
def test_candidates_are_the_boxes_with_the_largest_distances_of_their_road(road: Road) -> None:
    loaded = instrument(road, backbone="efficientnet_lite0")
    measured = loaded.measure(boards()[-1])
    boxes_K4, distances_K = loaded.box_distances(boards()[-1])
    known = dict(zip(map(tuple, boxes_K4.tolist()), distances_K, strict=True))
    for found in (measured.plain, measured.masked):
        assert found is not None
        assert [known[tuple(box)] for box in found.boxes_Q4.tolist()] == found.distances_Q.tolist()
        assert np.array_equal(found.scores_Q, found.distances_Q)
    top, left, bottom, right = measured.plain.boxes_Q4[0]
    assert (top, left) < (30, 18)
    assert (bottom, right) > (20, 8)


def test_both_roads_name_the_same_metrics_and_differ_in_their_patch_metrics_alone() -> None:
    rows = [instrument(road).measure(boards()[-1]).values_M for road in ROADS]
    columns = instrument(ROADS[0]).columns
    assert columns == instrument(ROADS[1]).columns
    differ = {name for name, one, other in zip(columns, *rows, strict=True) if one != other}
    assert "patch.fid.sum" in differ
    assert all("patch." in name for name in differ)


@pytest.mark.parametrize("road", ROADS, ids=lambda road: str(road.kind))
def test_a_mask_adds_columns_and_leaves_the_others_bit_for_bit(road: Road) -> None:
    plain = instrument(road, masked=False).measure(boards()[-1])
    both = instrument(road).measure(boards()[-1])
    assert np.array_equal(both.values_M[: len(plain.values_M)], plain.values_M)
    assert plain.masked is None


def test_scales_of_normals_let_larger_boxes_through() -> None:
    raw = instrument(ROADS[0])
    laid = [raw.box_distances(normal) for normal in boards()[4:6]]
    scales = box_scales([distances for _, distances in laid], [boxes for boxes, _ in laid])
    scaled = replace(raw, scales=scales)

    def mean_side(loaded: Instrument) -> float:
        boxes_Q4 = loaded.measure(boards()[-1]).plain.boxes_Q4
        return float((boxes_Q4[:, 2] - boxes_Q4[:, 0]).mean())

    assert mean_side(scaled) > mean_side(raw)
