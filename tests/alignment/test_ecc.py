from __future__ import annotations

import numpy as np
import pytest

from tasks.alignment.aligners import align, register
from tasks.alignment.light import even, without_light
from tasks.alignment.reference import build_reference
from tasks.alignment.registration import MisalignedError
from tasks.alignment.settings import EccAlignment
from tests.alignment.boards import SIDE_PX, Shot, photograph, true_error


@pytest.mark.parametrize(
    ("model", "shot"),
    [
        ("translation", Shot(shift_px=(11.3, -7.6))),
        ("euclidean", Shot(shift_px=(5.2, 8.1), rotation_deg=-2.7)),
    ],
)
def test_a_poorer_model_suffices_where_it_is_true(model: str, shot: Shot) -> None:
    settings = EccAlignment.model_validate({"side_px": SIDE_PX, "model": model})
    reference = build_reference([photograph(Shot())], settings)
    registration = register(photograph(shot), settings, reference)
    assert true_error(registration.pose_33, shot, Shot(), SIDE_PX) < 0.1


def test_a_model_that_cannot_follow_is_flagged() -> None:
    settings = EccAlignment(side_px=SIDE_PX, model="translation")
    reference = build_reference([photograph(Shot())], settings)
    with pytest.raises(MisalignedError, match="residual"):
        align(photograph(Shot(rotation_deg=0.5)), settings, reference)


def test_light_is_taken_out() -> None:
    plain, lit = (
        without_light(photograph(Shot(gain=gain, gradient=gradient, channels=1))[..., 0])
        for gain, gradient in ((1.0, 0.0), (0.75, 0.2))
    )
    assert np.corrcoef(plain.ravel(), lit.ravel())[0, 1] > 0.99


def test_an_even_image_of_nothing_is_grey() -> None:
    levels = even(np.full((40, 50), 7, np.uint8))
    assert levels.dtype == np.uint8
    assert np.ptp(levels) == 0
    assert abs(int(levels[0, 0]) - 128) <= 1
