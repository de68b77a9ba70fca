"""The warnings of a screening in plain words, each with the property's name and its figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tasks.confounds.grouping import Lots
from tasks.confounds.separation import Separation
from tasks.confounds.together import Together

_ABOUT = 0.01


def property_warnings(found: Sequence[Separation], level: float) -> list[str]:
    """One sentence for each thing that a score may have learned instead, the worst first.

    Many properties tell of the same lamp: the strongest is named, the others are counted.
    """
    above = sorted(
        (one for one in found if one.is_above(level)),
        # Of equals the raw one: people know brightness, not normalised brightness.
        key=lambda one: (-(one.auroc or 0.0), one.column.form == "normalised"),
    )
    causes: dict[str, list[Separation]] = {}
    for one in above:
        causes.setdefault(one.column.instead, []).append(one)
    partners = {one.column.name: one for one in found}
    return [_sentence(own, partners) for own in causes.values()]


def _sentence(own: Sequence[Separation], partners: dict[str, Separation]) -> str:
    worst = _named(own)
    words = worst.column.words
    said = (
        f"{words[0].upper()}{words[1:]} alone tells defects from good boards: AUROC "
        f"{auroc_words(worst.auroc or 0.0)} ({figure(worst.low)} to {figure(worst.high)}; chance "
        f"reaches {figure(worst.chance)})"
    )
    if worst.level is not None:
        said += (
            f": {worst.level!r} is that of {_share(worst.of_abnormal)} of the defects and "
            f"{_share(worst.of_normal)} of the good boards"
        )
    partner = partners.get(worst.column.partner or "")
    if partner is not None and partner.auroc is not None:
        said += f"; with brightness and contrast taken out {figure(partner.auroc)} is left"
    learnt = f"the score may have learned {worst.column.instead}, not the defect."
    if worst.column.may_be_defect:
        learnt = f"either the defects themselves change it, or {learnt}"
    return f"{said}. {_others(own)}{learnt[0].upper()}{learnt[1:]}"


def _named(own: Sequence[Separation]) -> Separation:
    """The strongest; of about equals one that no defect can have changed, and the raw one."""
    about = [one for one in own if (one.auroc or 0.0) >= (own[0].auroc or 0.0) - _ABOUT]
    return min(about, key=lambda one: (one.column.may_be_defect, one.column.form == "normalised"))


def _others(own: Sequence[Separation]) -> str:
    if len(own) == 1:
        return ""
    return (
        "1 more property does so too. "
        if len(own) == 2
        else (f"{len(own) - 1} more properties do so too. ")
    )


def together_warning(found: Together, alone: Iterable[Separation], level: float) -> list[str]:
    """Say where only all of them together separate the classes: each alone is warned of already."""
    if found.auroc < level or found.low <= 0.5 or any(one.is_above(level) for one in alone):
        return []
    return [
        "No trivial property alone tells defects from good boards, but all of them together do: "
        f"AUROC {auroc_words(found.auroc)} out of fold ({figure(found.low)} to "
        f"{figure(found.high)}). The score may rest on how the photographs were made."
    ]


def leak_warning(found: Together, least: float) -> list[str]:
    """Say what figures gain if images of one part are learnt from and judged."""
    if not found.leaks(least):
        return []
    return [
        "Images of one part resemble each other: if the folds tear groups apart, trivial properties "
        f"alone rise from AUROC {figure(found.auroc)} to {figure(found.torn_auroc)}. Figures of any "
        "split that ignores groups are flattered."
    ]


def lot_warning(lots: Lots) -> list[str]:
    """Say where a lot holds good boards or defects, but hardly ever both."""
    if not lots.is_confounded:
        return []
    return [
        f"{lots.one_class:,} of {lots.count:,} {lots.kind}s hold one class only, with "
        f"{_share(lots.share)} of the images (chance reaches {_share(lots.by_chance)}): the score may "
        f"have learned the {lots.kind}, not the defect."
    ]


def torn_warning(torn: int, example: str) -> list[str]:
    """Say that one part was learnt from and judged."""
    if not torn:
        return []
    groups = f"{torn:,} groups serve" if torn > 1 else "1 group serves"
    return [
        f"{groups} several roles ({example}): of one part or lot, some images were learnt from and "
        "others judged, so the figures are flattered."
    ]


def twins_warning(twins: int, example: str) -> list[str]:
    """Say that the same picture is called good and defective."""
    if not twins:
        return []
    sets = f"{twins:,} sets of" if twins > 1 else "1 set of"
    return [
        f"{sets} near-duplicate photographs carry both labels ({example}): a label is wrong, or the "
        "defect cannot be seen."
    ]


def auroc_words(value: float) -> str:
    """Three decimals, never rounded up to a perfect 1."""
    return "1" if value >= 1.0 else f"{math.floor(value * 1000.0 + 1e-9) / 1000.0:.3f}"


def figure(value: float) -> str:
    """Two decimals; 'not known' where there is none."""
    return f"{value:.2f}" if math.isfinite(value) else "not known"


def _share(value: float) -> str:
    percent = 100.0 * value
    return (
        f"{percent:.0f} %"
        if percent in (0.0, 100.0) or 1.0 <= percent <= 99.0
        else (f"{percent:.1f} %")
    )
