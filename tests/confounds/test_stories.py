"""Three stories of public sets, told on made-up ones: the lamp, the encoder, the same parts again."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.confounds.screening import Screening
from tests.confounds.screens import (
    encoded,
    noise,
    numbers,
    of,
    screen_files,
    screen_pixels,
    screen_table,
)


def test_the_lighting_of_the_background_alone_and_normalisation_removes_it() -> None:
    """The whole image is brighter: the mean tells everything, and nothing after normalisation."""
    found = screen_pixels(80, lambda grey, bad: grey + 6.0 * bad)
    border = of(found, "photograph.border_mean")
    assert border.auroc is not None
    assert border.auroc > 0.97
    plain = of(found, "photograph.border_mean.normalised")
    assert plain.auroc is not None
    assert plain.auroc < 0.65
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(
        "The brightness of the border of the photograph alone tells defects from good boards: AUROC"
    )
    assert "brightness and contrast taken out 0." in found.warnings[0]
    assert found.warnings[0].endswith("The score may have learned the lamp, not the defect.")
    assert found.sets["raw"].auroc > 0.97
    assert found.sets["normalised"].auroc < 0.65


def test_a_lamp_at_the_border_stays_after_normalisation() -> None:
    def lit(grey: NDArray[np.float64], bad: bool) -> NDArray[np.float64]:
        grey[:3] += 20.0 * bad
        return grey

    found = screen_pixels(80, lit)
    for name in ("photograph.border_mean", "photograph.border_mean.normalised"):
        assert of(found, name).is_above(0.95)
    assert found.sets["normalised"].auroc > 0.97
    assert "the brightness of the border" in found.warnings[0].lower()


def files(kind_of_bad: str, **options: int) -> Screening:
    bad = [number % 3 == 0 for number in range(60)]
    made = [
        encoded(noise(number), kind_of_bad if is_bad else "JPEG", **(options if is_bad else {}))
        for number, is_bad in enumerate(bad)
    ]
    return screen_files(made, bad)


def test_jpeg_tables_tell_the_classes_apart() -> None:
    found = files("JPEG", quality=83)
    for name in ("file.jpeg_luma", "file.jpeg_quality", "file.jpeg_tables"):
        assert of(found, name).auroc == 1.0
        assert of(found, name).is_above(0.75)
    (said,) = found.warnings
    assert "JPEG" in said
    assert said.endswith("The score may have learned the encoder, not the defect.")


def test_defects_that_are_all_png_are_caught_although_nothing_is_a_number() -> None:
    found = files("PNG")
    assert of(found, "file.format").is_above(0.75)
    assert of(found, "file.jpeg_quality").auroc is None
    assert "The score may have learned the encoder" in " ".join(found.warnings)


def exposures(strength: float) -> Screening:
    """1,344 images of 260 parts, each under several exposures that hardly change its properties."""
    generator = np.random.default_rng(0)
    parts = np.sort(np.concatenate((np.arange(260), generator.integers(0, 260, 1344 - 260))))
    bad = generator.random(260) < 0.35
    own = generator.normal(size=(260, 40))
    own[:, :6] += strength * bad[:, None]
    values = own[parts] + 0.3 * generator.normal(size=(1344, 40))
    table = numbers(**{f"p{at}": column.tolist() for at, column in enumerate(values.T)})
    return screen_table(table, bad[parts].tolist(), parts.tolist())


def test_parts_under_several_exposures_flatter_a_random_split() -> None:
    found = exposures(0.85)
    together = found.sets["all"]
    assert found.n_groups == 260
    assert together.auroc == pytest.approx(0.89, abs=0.02)
    assert together.torn_auroc == pytest.approx(0.95, abs=0.02)
    assert together.leaks(0.03)
    assert found.warnings[-1].startswith("Images of one part resemble each other")
    assert f"from AUROC {together.auroc:.2f} to {together.torn_auroc:.2f}" in found.warnings[-1]


def test_without_groups_there_is_nothing_to_leak() -> None:
    found = screen_pixels(40, lambda grey, bad: grey + 6.0 * bad)
    assert found.as_json()["together"]["all"]["leak"] is None


def test_honest_images_are_no_warning() -> None:
    found = screen_pixels(80, lambda grey, _: grey)
    assert found.warnings == ()
    assert 0.3 < found.sets["all"].auroc < 0.7


def test_many_weak_traces_are_said_where_no_single_one_is() -> None:
    generator = np.random.default_rng(1)
    bad = np.arange(400) % 2 == 1
    columns = {f"p{at}": (generator.normal(size=400) + 0.45 * bad).tolist() for at in range(30)}
    found = screen_table(numbers(**columns), bad.tolist())
    assert all(not one.is_above(0.75) for one in found.properties)
    assert found.warnings[0].startswith("No trivial property alone tells defects from good boards")
