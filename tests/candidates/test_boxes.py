from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.candidates.boxes import distinct_boxes, highest, worst_pixels, zoom_out_and_shift
from tasks.candidates.settings import CandidatesSettings
from tasks.vocabulary.arrays import Float32Array
from tasks.vocabulary.errors import InputError, NoAnswerError

differences = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12),
    # Few distinct values, so that ties are the rule.
    elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)


@settings(deadline=None)
@given(differences, st.data())
def test_worst_pixels_are_the_largest_in_order_with_ties_in_reading_order(
    difference_HW: Float32Array, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, difference_HW.size))
    found = [tuple(pixel) for pixel in worst_pixels(difference_HW, count).tolist()]
    every = [tuple(pixel) for pixel in np.argwhere(difference_HW >= 0).tolist()]
    assert found == sorted(every, key=lambda pixel: (-float(difference_HW[pixel]), pixel))[:count]


def test_worst_pixels_refuses_too_small_an_image_and_one_that_is_not_finite() -> None:
    with pytest.raises(InputError, match=r"Lower candidates\.pixels"):
        worst_pixels(np.zeros((3, 3), dtype=np.float32), 10)
    unknown = np.zeros((3, 3), dtype=np.float32)
    unknown[1, 1] = np.nan
    with pytest.raises(NoAnswerError):
        worst_pixels(unknown, 2)


def test_a_pixel_in_the_middle_gets_the_nine_boxes_of_the_paper() -> None:
    boxes = zoom_out_and_shift(np.array([[20, 30]]), 4, 4, 64, 64)
    assert boxes.shape == (36, 4)
    centres = boxes.reshape(4, 9, 4)[:, 4]
    assert centres.tolist() == [
        [18, 28, 22, 32],
        [16, 26, 24, 34],
        [14, 24, 26, 36],
        [12, 22, 28, 38],
    ]
    smallest = boxes[:9, :2].tolist()
    assert smallest == [[row, column] for row in (14, 18, 22) for column in (24, 28, 32)]


@settings(deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(0, 20),
    st.integers(0, 20),
    st.data(),
)
def test_boxes_stay_inside_keep_their_size_and_the_centred_one_holds_its_pixel(
    sizes: int, growth_px: int, spare_rows: int, spare_columns: int, data: st.DataObject
) -> None:
    height, width = sizes * growth_px + spare_rows, sizes * growth_px + spare_columns
    pixel = data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)))
    boxes_K4 = zoom_out_and_shift(np.array([pixel, pixel]), sizes, growth_px, height, width)
    assert boxes_K4.shape == (2 * sizes * 9, 4)
    assert boxes_K4[:, :2].min() >= 0
    assert (boxes_K4[:, 2:] <= (height, width)).all()
    asked = np.tile(np.repeat((np.arange(sizes) + 1) * growth_px, 9), 2)
    assert np.array_equal(boxes_K4[:, 2] - boxes_K4[:, 0], asked)
    assert np.array_equal(boxes_K4[:, 3] - boxes_K4[:, 1], asked)
    centred = boxes_K4.reshape(2, sizes, 9, 4)[:, :, 4]
    assert (centred[..., :2] <= pixel).all()
    assert (centred[..., 2:] > pixel).all()


def test_an_image_smaller_than_the_largest_box_is_refused() -> None:
    with pytest.raises(InputError, match="largest box, 16 px"):
        zoom_out_and_shift(np.array([[2, 2]]), 4, 4, 15, 64)


@settings(deadline=None)
@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 40), st.just(4)), elements=st.integers(0, 5)))
def test_distinct_boxes_lead_back_to_every_given_box(boxes_K4: np.ndarray) -> None:
    distinct_U4, inverse_K = distinct_boxes(boxes_K4)
    assert np.array_equal(distinct_U4[inverse_K], boxes_K4)
    assert len({tuple(box) for box in boxes_K4.tolist()}) == len(distinct_U4)


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=30), st.integers(1, 30))
def test_the_highest_scores_are_kept_and_ties_stay_in_order(scores: list[float], kept: int) -> None:
    found = highest(np.array(scores), kept).tolist()
    assert found == sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:kept]


def test_settings_refuse_more_candidates_than_boxes_and_unknown_names() -> None:
    assert CandidatesSettings().kept == 250
    with pytest.raises(ValueError, match="exceeds the 9 boxes"):
        CandidatesSettings(pixels=1, sizes=1, kept=10)
    with pytest.raises(ValueError, match="Extra inputs"):
        CandidatesSettings.model_validate({"keep": 3})
