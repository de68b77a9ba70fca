"""One suite for every member of the union: what the comparison relies on."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from tasks.baselines.learning import learn, package_version
from tasks.baselines.rival import Rival
from tasks.baselines.settings import (
    EVERY_RIVAL,
    AnomalibSettings,
    MemoryBankSettings,
    OwnScoreSettings,
    RivalSettings,
    SiameseSettings,
    StackSettings,
    SupervisedSettings,
)
from tasks.vocabulary.errors import InputError, NoAnswerError
from tests.baselines.stripes import SIDE_PX, STRIDES, boards, features, normals

# Strides of these small boards; PatchCore-1 would keep two of the 768 positions.
SMALL: dict[str, dict[str, Any]] = {
    "memory_bank": {"strides": STRIDES},
    "place_density": {"stride": STRIDES[-1]},
    "stack": {"bank": MemoryBankSettings(strides=STRIDES, local_px=1, worst_share=0.05)},
    "siamese": {"stride": STRIDES[-1]},
    "supervised": {"stride": STRIDES[-1]},
    "anomalib": {"strides": STRIDES, "coreset_share": 0.1, "dimensions": 3},
}
RIVALS = tuple(one.model_copy(update=SMALL.get(one.kind, {})) for one in EVERY_RIVAL)
MISSING = pytest.mark.skipif(find_spec("anomalib") is None, reason="the extra is not installed")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(one, id=one.name, marks=[MISSING] if one.kind == "anomalib" else [])
        for one in RIVALS
    ],
)
def settings(request: pytest.FixtureRequest) -> RivalSettings:
    one: RivalSettings = request.param
    return one


@pytest.fixture(scope="module")
def rival(settings: RivalSettings) -> Rival:
    return learn(settings, normals())


def rows(rival: Rival, images_NHWC: Any) -> Any:
    return np.stack([rival.describe(image_HWC) for image_HWC in images_NHWC])


def test_a_row_is_finite_and_as_long_as_its_columns(rival: Rival) -> None:
    row_K = rival.describe(boards(1, seed=5)[0])

    assert row_K.dtype == np.float64
    assert row_K.shape == (len(rival.columns),)
    assert len(set(rival.columns)) == len(rival.columns) >= 1
    assert np.isfinite(row_K).all()
    assert rival.state_bytes >= 0


def test_a_row_depends_on_its_image_alone(rival: Rival) -> None:
    images_NHWC = np.concatenate([boards(3, seed=5), boards(2, seed=6, defect=True)])

    forwards = rows(rival, images_NHWC)
    backwards = rows(rival, images_NHWC[::-1])[::-1]

    np.testing.assert_array_equal(forwards, backwards)


def test_the_seed_decides_and_no_global_generator(settings: RivalSettings, rival: Rival) -> None:
    images_NHWC = np.concatenate([boards(9, seed=5), boards(3, seed=6, defect=True)])
    np.random.seed(99)  # noqa: NPY002 - the global generator is what must not matter
    torch.manual_seed(99)

    again = learn(settings, normals())

    np.testing.assert_array_equal(rows(again, images_NHWC), rows(rival, images_NHWC))


def test_a_planted_defect_is_more_suspect_than_any_normal(rival: Rival, settings: Any) -> None:
    good_NK = rows(rival, boards(6, seed=5))
    bad_NK = rows(rival, boards(6, seed=6, defect=True))

    higher_K = bad_NK.min(axis=0) > good_NK.max(axis=0)
    if settings.judgement in {"classifier", "stack", "network"}:
        # Features have no direction of their own; the stack's first column has.
        assert (higher_K | (bad_NK.max(axis=0) < good_NK.min(axis=0))).any()
        assert higher_K[0] or settings.judgement != "stack"
    else:
        assert higher_K.all()


def test_the_heat_is_hottest_in_the_defect(rival: Rival) -> None:
    heat_HW = rival.heat(boards(1, seed=6, defect=True)[0])

    if heat_HW is None:
        assert rival.columns[0].split("/")[0] not in {"distance", "difference", "bank"}
        return
    assert heat_HW.shape == (SIDE_PX, SIDE_PX)
    assert heat_HW.dtype == np.float32
    row, column = np.unravel_index(heat_HW.argmax(), heat_HW.shape)
    # PatchCore smooths by 4 px; the square is 8 px wide.
    assert 6 <= row < 18
    assert 14 <= column < 26


def test_a_rival_pickles(rival: Rival) -> None:
    image_HWC = boards(1, seed=5, defect=True)[0]

    copied = pickle.loads(pickle.dumps(rival))  # noqa: S301 - it was written a line ago

    np.testing.assert_array_equal(copied.describe(image_HWC), rival.describe(image_HWC))


def test_settings_survive_yaml(settings: RivalSettings) -> None:
    adapter: TypeAdapter[RivalSettings] = TypeAdapter(RivalSettings)

    assert adapter.validate_python(settings.model_dump(mode="json")) == settings


def test_one_normal_is_too_few(settings: RivalSettings) -> None:
    with pytest.raises(InputError, match="1 normal images"):
        learn(settings, normals(count=1))


def test_two_normals_are_enough(settings: RivalSettings) -> None:
    rival = learn(settings, normals(count=2))

    assert np.isfinite(rival.describe(boards(1, seed=5)[0])).all()


def test_every_kind_has_its_defaults_in_the_table_under_a_name_of_its_own() -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(get_args(RivalSettings)[0])}

    assert {one.kind for one in EVERY_RIVAL} == kinds
    assert len({one.name for one in EVERY_RIVAL}) == len(EVERY_RIVAL)


@pytest.mark.parametrize("settings", [one for one in RIVALS if one.kind != "anomalib"])
def test_an_image_whose_features_are_broken_has_no_answer(settings: RivalSettings) -> None:
    def broken(image_HWC: Any) -> Any:
        maps = features(image_HWC)
        if image_HWC[0, 0, 0] == 255:
            for map_Chw in maps:
                map_Chw[0, 0, 0] = np.nan
        return maps

    def drawn(image_HWC: Any) -> Any:
        return np.full(image_HWC.shape, np.nan, dtype=np.float32)

    given = normals()
    object.__setattr__(given, "features", broken)
    object.__setattr__(given, "reconstruct", drawn)
    object.__setattr__(given, "own_scores", lambda _: {"kl": float("nan")})
    image_HWC = boards(1, seed=5)[0]
    image_HWC[0, 0] = 255

    rival = learn(settings, given)
    if settings.kind in {"mean_image", "golden_sample", "golden_sample_published"}:
        with pytest.raises(InputError, match="normals are"):
            rival.describe(image_HWC[:-1])
    else:
        with pytest.raises(NoAnswerError, match="no finite numbers"):
            rival.describe(image_HWC)


def test_a_stride_that_the_perception_lacks_is_refused() -> None:
    for settings in (
        MemoryBankSettings(strides=(3, 4)),
        StackSettings(),
        SiameseSettings(),
        AnomalibSettings(),
    ):
        if settings.kind != "anomalib" or find_spec("anomalib"):
            with pytest.raises(InputError, match="no map of stride"):
                learn(settings, normals())


def test_normals_with_broken_features_teach_no_bank() -> None:
    given = normals()
    maps = tuple(np.full_like(one, np.nan) for one in features(given.images_NHWC[0]))
    object.__setattr__(given, "features", lambda _: maps)

    with pytest.raises(InputError, match="not finite"):
        learn(MemoryBankSettings(strides=STRIDES), given)


def test_without_the_package_the_remedy_is_its_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("anomalib", "anomalib.models.image.padim.torch_model"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(InputError, match=r'pip install "zeroescape\[anomalib\]"'):
        learn(AnomalibSettings(strides=STRIDES), normals())


def test_an_even_neighbourhood_is_refused() -> None:
    with pytest.raises(ValidationError, match="odd"):
        MemoryBankSettings(local_px=2)


def test_the_first_own_score_decides_unless_another_is_named() -> None:
    board = boards(1, seed=5, defect=True)[0]
    said = normals().own_scores(board)
    for name, settings in (
        ("residual_image_l1", OwnScoreSettings()),
        ("kl", OwnScoreSettings(score="kl")),
    ):
        assert learn(settings, normals()).describe(board) == [said[name]]


def test_a_system_without_the_score_is_refused() -> None:
    with pytest.raises(InputError, match="Choose from residual_image_l1, kl"):
        learn(OwnScoreSettings(score="d9"), normals())
    without = replace(normals(), own_scores=lambda _: {})
    with pytest.raises(InputError, match="ganodip_score"):
        learn(OwnScoreSettings(), without)


def test_a_siamese_row_is_the_map_of_the_image_and_of_its_reconstruction() -> None:
    given, board = normals(), boards(1, seed=5, defect=True)[0]
    both = learn(SiameseSettings(stride=STRIDES[0]), given)
    alone = learn(SupervisedSettings(stride=STRIDES[0]), given)
    levels = np.rint(255.0 * given.reconstruct(board)).astype(np.uint8)

    shown, drawn = features(board)[0], features(levels)[0]
    np.testing.assert_array_equal(both.describe(board), np.stack([shown, drawn]).ravel())
    np.testing.assert_array_equal(alone.describe(board), shown.ravel())
    assert both.columns[0] == "input/0/0/0"
    assert both.columns[-1] == "reconstruction/1/7/7"
    assert alone.columns == both.columns[: len(alone.columns)]


def test_a_large_map_is_averaged_down() -> None:
    board = boards(1, seed=5)[0]
    rival = learn(SupervisedSettings(stride=STRIDES[0], largest_side=4), normals())

    squares = features(board)[0].reshape(2, 4, 2, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(rival.describe(board), squares.ravel(), rtol=1e-6)


@MISSING
def test_a_rival_of_a_package_names_its_version() -> None:
    from anomalib import __version__

    assert package_version(AnomalibSettings()) == __version__


def test_a_rival_of_this_program_has_no_package() -> None:
    assert package_version(MemoryBankSettings()) is None
