"""What a month's records say: seconds of the nights, what grew, and the story in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]
# Night 1 trains, night 2 meets cold caches: the third is the first ordinary one.
_EARLY = 3


def month_part(nights: Sequence[Record]) -> dict[str, Any]:
    """The keys of the record; the ratio compares the last night with the third.

    Both must be ordinary (nothing trained, something new), else `ordinary` is False: a ratio of other
    things tells nothing. `growth_ms_an_image` is the slope of an ordinary night's cost over the archive.
    """
    early, last = nights[min(_EARLY, len(nights)) - 1], nights[-1]
    ordinary = [night for night in nights if is_ordinary(night)]
    return {
        "night_seconds": [night["seconds"] for night in nights],
        "night30_over_night3": last["seconds"] / early["seconds"],
        "ordinary": is_ordinary(early) and is_ordinary(last),
        "archive_last_over_early": last["images"] / early["images"],
        "growth_ms_an_image": 1e3 * slope(ordinary, "seconds"),
        "stage_growth_ms_an_image": _stage_growth(ordinary),
        "stages_early": early["stages"],
        "stages_last": last["stages"],
        "nights_trained": [night["night"] for night in nights if night["trained"]],
        "nights_red": [night["night"] for night in nights if night["day"]["light"] == "red"],
        "escapes_inspected": sum(night["day"]["escapes"] for night in nights),
        "defects_inspected": sum(night["day"]["defects"] for night in nights),
        "nights": list(nights),
    }


def is_ordinary(night: Record) -> bool:
    """Nothing was learnt and there were new images: what most nights are."""
    return not night["trained"] and night["new_images"] > 0


def slope(nights: Sequence[Record], name: str) -> float:
    """Least-squares change of a figure by one more image in the archive; 0 for fewer than two nights."""
    return _slope([night["images"] for night in nights], [night[name] for night in nights])


def _stage_growth(nights: Sequence[Record]) -> dict[str, float]:
    images = [night["images"] for night in nights]
    names = dict.fromkeys(name for night in nights for name in night["stages"])
    grown = {
        name: 1e3 * _slope(images, [night["stages"].get(name, 0.0) for night in nights])
        for name in names
    }
    return {name: round(value, 3) for name, value in grown.items()}


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    if len(xs) < 2:
        return 0.0
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((one - x) ** 2 for one in xs)
    if spread == 0:
        return 0.0
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread
