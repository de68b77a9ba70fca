"""What a certificate may claim, under which conditions, and what a reader must be warned of."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.certification.attestation import Attestation
from tasks.certification.units import CaughtBy

_FEW_DEFECTS = 59  # fewer cannot support 5 % at 95 %, whatever was seen
_LONE_ROWS = (
    "Every row was counted as one independent board. Where a board has several rows, or a lot "
    "shares its fate, name that column with --group, or the limits are too good."
)


@dataclass(frozen=True)
class Circumstances:
    """How the set was made up: what decides which sentences are due.

    `group` says in words by what images belong together, None if by nothing, and `lone_images` what
    that means; `n_images` all rows; `recognised_by` how the ledger knows the set again,
    `is_weakly_recognised` if not by its boards; `constant` if all scores are equal;
    `labels_changed` counts labels changed after scores were seen; `told` are warnings of others.
    """

    n_images: int
    group: str | None
    caught_by: CaughtBy
    recognised_by: str
    is_weakly_recognised: bool
    constant: bool
    lone_images: str = _LONE_ROWS
    labels_changed: int = 0
    told: tuple[str, ...] = ()


def conditions(attestation: Attestation, circumstances: Circumstances) -> tuple[str, ...]:
    """Say under which conditions the claim is true, and how it was computed."""
    made = attestation.certificate
    if attestation.rank is None:
        first = (
            "The threshold was fixed before these boards were scored, and neither it nor the tool "
            "was fitted, tuned or chosen on them. The escape bound is the exact one-sided "
            "Clopper-Pearson limit."
        )
    else:
        first = (
            f"The threshold is the {_ordinal(attestation.rank)} score of the "
            f"{made.n_abnormal} defects counted here, so the misses among them are no test: the "
            "bound (Beta) rests on the number of defects, and holds only if they served nothing "
            "else. The good boards did not set the threshold, and their interval holds if they "
            "served nothing else either."
        )
    return (
        first,
        "New boards come from the same process: same product, line, camera and light. Kinds of "
        "defect that are not in this set are not covered.",
        _counted_once(circumstances),
        "The price ladder was read from these same boards. To take another step of it is a choice "
        f"that needs fresh defects. Each limit by itself holds at {100 * made.confidence:g} % over "
        "all looks, not all limits at once.",
    )


def warnings(attestation: Attestation, circumstances: Circumstances) -> tuple[str, ...]:
    """List what weakens the claim, what others found first; none where nothing does."""
    made, said = attestation.certificate, list(circumstances.told)
    if circumstances.constant:
        said.append(
            "All scores are equal: the tool tells nothing apart, and everything is flagged."
        )
    if made.n_abnormal == 1:
        said.append("There is one defect: next to nothing can be claimed from it.")
    elif made.n_abnormal < _FEW_DEFECTS:
        said.append(
            f"{made.n_abnormal} defects are few: even with none missed they cannot support 5 % at "
            f"95 % confidence, which takes {_FEW_DEFECTS}."
        )
    if unscored := attestation.unscored_normal + attestation.unscored_abnormal:
        said.append(
            f"{counted(unscored, 'board', 'boards')} without a finite score, "
            f"{attestation.unscored_abnormal:,} of them defective, counted as flagged: the claim "
            "holds only where the machine flags such boards too."
        )
    if made.looks > 1:
        said.append(
            f"This is one of {made.looks} looks at this set (recognised by "
            f"{circumstances.recognised_by}): each limit is held to "
            f"{100 * attestation.confidence_each:.4g} %, so that over all looks it keeps "
            f"{100 * made.confidence:g} %. Earlier certificates of this set are void."
            + _not_fresh(attestation)
        )
    if attestation.tied_normal > 1:
        said.append(
            f"{attestation.tied_normal:,} good boards are flagged because their score equals the "
            "threshold: coarse scores cost false calls."
        )
    return (*said, *_weak_evidence(circumstances))


def _not_fresh(attestation: Attestation) -> str:
    if attestation.rank is not None:
        return ""
    return (
        " If the threshold was chosen after an earlier look, these boards are not fresh, and "
        "nothing is certified."
    )


def _weak_evidence(circumstances: Circumstances) -> tuple[str, ...]:
    said = []
    if circumstances.labels_changed:
        labels = counted(circumstances.labels_changed, "label was", "labels were")
        said.append(
            f"{labels} changed after scores were seen. Whoever sees scores first changes the labels "
            "that cost most, and the limits do not know it."
        )
    if circumstances.group is None:
        said.append(circumstances.lone_images)
    if circumstances.is_weakly_recognised:
        said.append(
            f"The ledger recognises this set by {circumstances.recognised_by}: give --id or --path "
            "for an honest count of looks."
        )
    return tuple(said)


def _counted_once(circumstances: Circumstances) -> str:
    if circumstances.group is None:
        return f"n counts {circumstances.n_images:,} images, each taken for one independent board."
    missed = {
        "every-image": "it counts as missed if any of its images is passed",
        "any-image": "it counts as caught if any of its images is flagged",
    }[circumstances.caught_by]
    return (
        f"n counts parts ({circumstances.group}), not their {circumstances.n_images:,} "
        f"images. Of a defective part, {missed}; a good part is a false call if any of its images "
        "is flagged."
    )


def counted(count: int, one: str, more: str) -> str:
    """'1 board', '1,200 boards'."""
    return f"{count:,} {one if count == 1 else more}"


def _ordinal(number: int) -> str:
    if number == 1:
        return "smallest"
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if number % 100 in (11, 12, 13) else ends.get(number % 10, "th")
    return f"{number}{end} smallest"
