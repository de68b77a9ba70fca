from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from tasks.reconstruction.settings import (
    MeanImageSettings,
    ReconstructionSettings,
    VqganSettings,
)


def test_union_is_chosen_by_kind() -> None:
    adapter: TypeAdapter[ReconstructionSettings] = TypeAdapter(ReconstructionSettings)
    assert adapter.validate_python({"kind": "vqgan"}) == VqganSettings()
    assert adapter.validate_python({"kind": "mean_image"}) == MeanImageSettings()
    for wrong in ({}, {"kind": "gan"}, {"kind": "vqgan", "stepz": 3}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"downsampling": 12},
        {"widths": (8, 8, 8), "downsampling": 2},
        {"stem": "convolution", "widths": (8, 8), "downsampling": 8},
        {"widths": ()},
        {"batch_size": 0},
        {"steps": 100, "discriminator_start_step": 100},
        {"learning_rate": float("nan")},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VqganSettings.model_validate(wrong)


def test_stem_does_what_the_widths_leave() -> None:
    assert VqganSettings(widths=(64, 128), downsampling=8).stem_factor == 4
    full = VqganSettings(stem="convolution", widths=(8, 16, 32, 64), downsampling=8)
    assert full.stem_factor == 1


def test_settings_open_without_torch() -> None:
    code = "import sys, tasks.reconstruction.settings, tasks.perception.settings; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
