"""A bundle inspects only with what certified it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.plan import refuse_other_code
from tasks.alignment.settings import NoAlignment
from tasks.archive.settings import PhotographSettings
from tasks.candidates.settings import CandidatesSettings
from tasks.extract import features_fingerprint
from tasks.ingest import board_image_fingerprint
from tasks.jobs import Bundle, InstrumentSettings
from tasks.perception.settings import PixelsSettings
from tasks.reconstruction.settings import MeanImageSettings
from tasks.vocabulary.errors import InputError


def certified() -> Bundle:
    photograph = PhotographSettings(height_px=64, width_px=64, channels=1)
    alignment = NoAlignment(side_px=64)
    instrument = InstrumentSettings(
        image_shape_CHW=(1, 64, 64),
        reconstruction=MeanImageSettings(),
        perception=PixelsSettings(),
        candidate_perception=PixelsSettings(),
        candidates=CandidatesSettings(),
        model_key="model",
        mask_key=None,
        scales_key=None,
    )
    images = board_image_fingerprint(photograph, alignment, None)
    return Bundle(
        line="line",
        photograph=photograph,
        alignment=alignment,
        reference=None,
        instrument=instrument,
        features_fingerprint=features_fingerprint(instrument, images),
        classifier="classifier",
        threshold_key="threshold",
        threshold=0.5,
    )


def test_what_was_certified_inspects() -> None:
    refuse_other_code(certified())


@pytest.mark.parametrize(
    "changed",
    [
        {"features_fingerprint": "made by other code"},
        {"alignment": NoAlignment(side_px=32)},
        {"reference": "another golden board"},
        {"photograph": PhotographSettings(height_px=64, width_px=64, channels=3)},
    ],
)
def test_anything_else_is_refused_with_the_remedy(changed: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"line.*zeroescape retrain"):
        refuse_other_code(replace(certified(), **changed))  # type: ignore[arg-type]  # one field
