"""Conditions and warnings: each is there where it is due, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.certification.attestation import FixedThreshold, LowestDefect, WantedEscapeRate, attest
from tasks.certification.claims import Circumstances, conditions, warnings

NORMAL = np.linspace(0.0, 1.0, 201)
ABNORMAL = np.linspace(0.405, 2.0, 174)
PLAIN = Circumstances(
    n_images=1500,
    group="column 'serial'",
    caught_by="every-image",
    recognised_by="what names its boards",
    is_weakly_recognised=False,
    constant=False,
)


def test_a_clean_set_has_no_warning() -> None:
    assert warnings(attest(NORMAL, ABNORMAL, LowestDefect()), PLAIN) == ()
    assert warnings(attest(NORMAL, ABNORMAL[:59], LowestDefect()), PLAIN) == ()


def test_few_defects() -> None:
    (few,) = warnings(attest(NORMAL, ABNORMAL[:58], LowestDefect()), PLAIN)
    assert few.startswith("58 defects are few")
    assert "takes 59" in few
    (one,) = warnings(attest(NORMAL, ABNORMAL[:1], LowestDefect()), PLAIN)
    assert "one defect: next to nothing" in one


def test_missing_scores() -> None:
    one = attest(np.append(NORMAL, np.inf), ABNORMAL, LowestDefect())
    assert warnings(one, PLAIN)[0].startswith("1 board without a finite score, 0 of them defective")
    three = attest(np.append(NORMAL, np.inf), np.append(ABNORMAL, [np.inf] * 2), LowestDefect())
    (said,) = warnings(three, PLAIN)
    assert said.startswith("3 boards without a finite score, 2 of them defective")
    assert "only where the machine flags such boards too" in said


def test_ties_are_reported_once_they_are_more_than_the_one_that_sets_the_threshold() -> None:
    tied = attest(np.append(NORMAL, [0.405, 0.405]), ABNORMAL, LowestDefect())
    (said,) = warnings(tied, PLAIN)
    expected = int((np.append(NORMAL, [0.405, 0.405]) == 0.405).sum())
    assert said.startswith(f"{expected} good boards are flagged because their score equals")


def test_looks_void_what_was_said_before_and_may_spoil_a_fixed_threshold() -> None:
    (said,) = warnings(attest(NORMAL, ABNORMAL, LowestDefect(), looks=3), PLAIN)
    assert "one of 3 looks" in said
    assert "held to 98.33 %" in said
    assert "over all looks it keeps 95 %. Earlier certificates of this set are void." in said
    assert "not fresh" not in said
    (fixed,) = warnings(attest(NORMAL, ABNORMAL, FixedThreshold(0.4), looks=2), PLAIN)
    assert fixed.endswith("these boards are not fresh, and nothing is certified.")


def test_weak_evidence() -> None:
    made = attest(NORMAL, ABNORMAL, LowestDefect())
    (rows,) = warnings(made, replace(PLAIN, group=None))
    assert "--group" in rows
    (weak,) = warnings(made, replace(PLAIN, is_weakly_recognised=True))
    assert "recognises this set by what names its boards: give --id or --path" in weak
    (constant,) = warnings(made, replace(PLAIN, constant=True))
    assert "All scores are equal" in constant


def test_conditions_of_a_fixed_threshold() -> None:
    first, *rest = conditions(attest(NORMAL, ABNORMAL, FixedThreshold(0.4)), PLAIN)
    assert "fixed before these boards were scored" in first
    assert "Clopper-Pearson" in first
    assert any("Kinds of defect that are not in this set" in said for said in rest)
    assert rest[-1].endswith("holds at 95 % over all looks, not all limits at once.")


@pytest.mark.parametrize(
    ("rank", "words"),
    [
        (1, "the smallest score"),
        (2, "the 2nd smallest"),
        (3, "the 3rd smallest"),
        (4, "the 4th smallest"),
        (11, "the 11th smallest"),
        (21, "the 21st smallest"),
        (13, "the 13th smallest"),
        (101, "the 101st smallest"),
        (111, "the 111th smallest"),
        (112, "the 112th smallest"),
        (113, "the 113th smallest"),
    ],
)
def test_conditions_of_an_order_statistic_name_its_rank(rank: int, words: str) -> None:
    made = replace(attest(NORMAL, ABNORMAL, WantedEscapeRate(0.05)), rank=rank)
    first = conditions(made, PLAIN)[0]
    assert words in first
    assert "of the 174 defects counted here" in first


def test_what_counts_once() -> None:
    made = attest(NORMAL, ABNORMAL, LowestDefect())
    every = conditions(made, PLAIN)[2]
    assert "column 'serial'), not their 1,500 images" in every
    assert "missed if any of its images is passed" in every
    assert (
        "caught if any of its images is flagged"
        in conditions(made, replace(PLAIN, caught_by="any-image"))[2]
    )
    alone = conditions(made, replace(PLAIN, group=None))[2]
    assert alone == "n counts 1,500 images, each taken for one independent board."


def test_every_word_of_a_fixed_threshold() -> None:
    assert conditions(attest(NORMAL, ABNORMAL, FixedThreshold(0.4)), PLAIN) == (
        "The threshold was fixed before these boards were scored, and neither it nor the tool was "
        "fitted, tuned or chosen on them. The escape bound is the exact one-sided Clopper-Pearson "
        "limit.",
        "New boards come from the same process: same product, line, camera and light. Kinds of "
        "defect that are not in this set are not covered.",
        "n counts parts (column 'serial'), not their 1,500 images. Of a defective part, it counts "
        "as missed if any of its images is passed; a good part is a false call if any of its images "
        "is flagged.",
        "The price ladder was read from these same boards. To take another step of it is a choice "
        "that needs fresh defects. Each limit by itself holds at 95 % over all looks, not all limits "
        "at once.",
    )


def test_every_word_of_an_order_statistic() -> None:
    any_image = replace(PLAIN, caught_by="any-image")
    made = conditions(attest(NORMAL, ABNORMAL, LowestDefect()), any_image)
    assert made[0] == (
        "The threshold is the smallest score of the 174 defects counted here, so the misses among "
        "them are no test: the bound (Beta) rests on the number of defects, and holds only if they "
        "served nothing else. The good boards did not set the threshold, and their interval holds "
        "if they served nothing else either."
    )
    assert made[2] == (
        "n counts parts (column 'serial'), not their 1,500 images. Of a defective part, it counts "
        "as caught if any of its images is flagged; a good part is a false call if any of its "
        "images is flagged."
    )


def test_every_word_of_the_warnings() -> None:
    normal = np.array([0.5, 0.5, np.inf])
    told = replace(PLAIN, constant=True, group=None, is_weakly_recognised=True)
    assert warnings(attest(normal, np.array([0.5]), FixedThreshold(0.5), looks=2), told) == (
        "All scores are equal: the tool tells nothing apart, and everything is flagged.",
        "There is one defect: next to nothing can be claimed from it.",
        "1 board without a finite score, 0 of them defective, counted as flagged: the claim holds "
        "only where the machine flags such boards too.",
        "This is one of 2 looks at this set (recognised by what names its boards): each limit is "
        "held to 97.5 %, so that over all looks it keeps 95 %. Earlier certificates of this set are void. "
        "If the threshold was chosen after an earlier look, these boards are not fresh, and nothing "
        "is certified.",
        "2 good boards are flagged because their score equals the threshold: coarse scores cost "
        "false calls.",
        "Every row was counted as one independent board. Where a board has several rows, or a lot "
        "shares its fate, name that column with --group, or the limits are too good.",
        "The ledger recognises this set by what names its boards: give --id or --path for an honest "
        "count of looks.",
    )
    few = warnings(attest(np.zeros(3), np.ones(2), LowestDefect(), looks=2), PLAIN)
    assert few == (
        "2 defects are few: even with none missed they cannot support 5 % at 95 % confidence, "
        "which takes 59.",
        "This is one of 2 looks at this set (recognised by what names its boards): each limit is "
        "held to 97.5 %, so that over all looks it keeps 95 %. Earlier certificates of this set are "
        "void.",
    )


def test_what_others_found_comes_first_and_changed_labels_are_said() -> None:
    made = attest(NORMAL, ABNORMAL[:58], LowestDefect())
    told = warnings(made, replace(PLAIN, told=("Size tells.", "So does time."), labels_changed=1))
    assert told[:2] == ("Size tells.", "So does time.")
    assert told[2].startswith("58 defects are few")
    assert told[3:] == (
        "1 label was changed after scores were seen. Whoever sees scores first changes the labels "
        "that cost most, and the limits do not know it.",
    )
    many = warnings(attest(NORMAL, ABNORMAL, LowestDefect()), replace(PLAIN, labels_changed=1200))
    assert many[0].startswith("1,200 labels were changed")


def test_who_knows_its_groups_says_in_its_own_words_that_there_are_none() -> None:
    alone = replace(PLAIN, group=None, lone_images="No serial numbers.")
    assert warnings(attest(NORMAL, ABNORMAL, LowestDefect()), alone) == ("No serial numbers.",)
