from __future__ import annotations

import pytest

from tasks.metrics.aggregates import AGGREGATES
from tasks.metrics.comparison import CAPABILITIES, DISCRIMINATOR, PLACES, QUANTIZER, Perceived
from tasks.metrics.rows import ImageMetric
from tasks.metrics.table import TABLE, column_names, columns_of
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.scores import OWN_SCORES, score_capabilities

# Stored tables and trained classifiers know these names. Never change a line: append.
FROZEN = (
    "image.mse",
    "image.perceptual_mse",
    "image.quantization_mse",
    "image.discriminator_input",
    "image.discriminator_reconstruction",
    "image.orb_difference",
    "image.difference",
    "pixel.difference",
    "patch.frechet",
    "patch.fid",
    "patch.ssim",
    "patch.bray_curtis",
    "patch.canberra",
    "patch.euclidean",
    "patch.cosine",
    "patch.wasserstein",
    "patch.hamming",
    "patch.minkowski",
    "patch.jensen_shannon",
    "patch.correlation",
    "patch.chebyshev",
    "patch.city_block",
    "bank.distance",
    "place.distance",
    "embedding.mean",
    *(f"system.{name}" for name in OWN_SCORES),
)
ALL_BUT_SCORES = CAPABILITIES - score_capabilities(OWN_SCORES)
SEEN = Perceived(strides=(4, 8, 16), channels=(2, 3, 5), remembered=(8, 16))


def test_rows_are_append_only() -> None:
    names = tuple(f"{row.level}.{row.name}" for row in TABLE)
    assert names[: len(FROZEN)] == FROZEN
    assert len(set(names)) == len(names)


def test_columns_come_in_the_order_of_rows_and_aggregates() -> None:
    columns = column_names(ALL_BUT_SCORES, masked=True)
    assert columns[:7] == (*FROZEN[:6], "image.difference.sum")
    assert columns[6:13] == tuple(f"image.difference.{name}" for name in AGGREGATES)
    assert columns[13:15] == ("pixel.difference.sum", "pixel.difference.maximum")
    assert columns[118:120] == ("masked.image.difference.sum", "masked.image.difference.maximum")
    assert columns[-1] == "masked.patch.city_block.q3"
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize(
    ("capabilities", "plain", "masked"),
    [
        (frozenset(), 115, 227),
        (frozenset({QUANTIZER}), 116, 228),
        (frozenset({DISCRIMINATOR}), 117, 229),
        (ALL_BUT_SCORES, 118, 230),
        (CAPABILITIES, 131, 243),
    ],
)
def test_how_many_columns_there_are(capabilities: frozenset[str], plain: int, masked: int) -> None:
    assert len(column_names(capabilities, masked=False)) == plain
    assert len(column_names(capabilities, masked=True)) == masked


def test_a_memory_adds_columns_for_each_map() -> None:
    columns = column_names(ALL_BUT_SCORES, masked=True, perceived=SEEN)
    added = [name for name in columns if name.split(".")[0] in ("bank", "place", "embedding")]
    assert len(columns) == 230 + len(added) == 230 + 2 * 8 + 2 * 8 + 10
    assert {"bank.distance.16px.worst", "place.distance.8px.maximum"} < set(added)
    assert added[-1] == "embedding.mean.16px.4"
    without_places = column_names(ALL_BUT_SCORES - {PLACES}, masked=True, perceived=SEEN)
    assert set(columns) - set(without_places) == {
        name for name in added if name.startswith("place.")
    }


def test_only_what_rests_on_the_difference_has_a_masked_twin() -> None:
    columns = column_names(ALL_BUT_SCORES, masked=True)
    plain = [column for column in columns if not column.startswith("masked.")]
    twins = {column.removeprefix("masked.") for column in columns if column not in plain}
    singles = {
        column for row in TABLE if isinstance(row, ImageMetric) for column in columns_of(row)
    }
    assert twins == set(plain) - singles


def test_an_unknown_capability_is_refused() -> None:
    with pytest.raises(InputError, match="Unknown capabilities: sonar"):
        column_names(frozenset({"sonar"}), masked=False)


def test_each_own_score_is_one_column_that_asks_for_it() -> None:
    kl = frozenset({"score.kl"})
    assert set(column_names(kl, masked=True)) - set(column_names(frozenset(), masked=True)) == {
        "system.kl"
    }
