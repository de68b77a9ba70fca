"""What trivial properties alone tell of a file of scores: its times, lots and pictures.

The size of a defect is not screened: it is known of defects alone.

Legend: N rows of the file, L lots.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from flows.certify import Certified
from tasks.attestation.scores import ScoredSet
from tasks.certification.attestation import attest, in_hundred
from tasks.certification.thresholds import flagged
from tasks.confounds.columns import PropertyTable, Value, collected
from tasks.confounds.files import opened, pixels_of
from tasks.confounds.given import LOT, TIME, names_of, numbers_of, times_of
from tasks.confounds.grouping import Lots, lots_of
from tasks.confounds.properties import file_columns, file_values, pixel_columns, pixel_values
from tasks.confounds.screening import Screening, screened
from tasks.confounds.settings import ConfoundSettings
from tasks.progress import Progress as StageProgress
from tasks.vocabulary.arrays import Int64Array
from tasks.vocabulary.errors import NoAnswerError, NoSafeThresholdError

PICTURES = 2000
"""Pictures of each class that are measured: 60 ms each, and AUROC is then known to 0.01."""
_LARGEST_BYTES = 1_200_000_000
_WHERE = "photograph"

Progress = Callable[[int, int], None]


def screened_figures(made: Certified, figures: dict[str, Any], pictures: int) -> dict[str, Any]:
    """The certificate's JSON object with `confounds` and `ungrouped`, and what is warned of them.

    Pictures are measured behind a progress bar, since thousands take minutes.
    """
    from flows.display import Terminal

    if made.scored.paths is None:
        found = confounds(made, 0, lambda _done, _total: None)
    else:
        with Terminal().bars() as bars:
            found = confounds(made, pictures, lambda *at: bars(StageProgress("pictures", *at)))
    torn = ungrouped(made)
    return figures | {
        "confounds": found,
        "ungrouped": torn,
        "warnings": [*figures["warnings"], *(found["warnings"] if found else ())],
        "conditions": [*figures["conditions"], *([torn["sentence"]] if torn else ())],
    }


def confounds(made: Certified, pictures: int, progress: Progress) -> dict[str, Any] | None:
    """Screen what the file tells or leads to, as JSON; None where it tells no time, lot or path.

    `pictures` of each class are measured at most, chosen by a hash of their paths; `progress` hears
    how many of how many are done.
    """
    settings = ConfoundSettings(confidence=made.request.confidence)
    scored, parts = made.scored, []
    groups_N = np.arange(scored.abnormal_N.size) if scored.groups_N is None else scored.groups_N
    table, lots = _given(scored), _lots(scored, settings)
    found: dict[str, Any] = {"pictures": None, "period": _period(scored), "worst_lot": _worst(made)}
    if table.columns or lots:
        parts.append(screened(table, scored.abnormal_N, groups_N, settings, lots))
    if scored.paths is not None and pictures > 0:
        rows_K = _chosen(scored.paths, scored.abnormal_N, pictures)
        photographs, found["pictures"] = _measured(made, rows_K, progress)
        parts.append(screened(photographs, scored.abnormal_N[rows_K], groups_N[rows_K], settings))
    return _joined(parts) | found if parts else None


def _joined(parts: Sequence[Screening]) -> dict[str, Any]:
    """One JSON object; counts, groups and what is fitted together are those of the pictures if any."""
    plain = [part.as_json() for part in parts]
    joined = dict(plain[-1])
    for name in ("properties", "without_answer", "lots", "notes", "warnings"):
        joined[name] = [each for part in plain for each in part[name]]
    joined["properties"].sort(key=lambda one: (-one["auroc"], one["name"]))
    return joined


def _given(scored: ScoredSet) -> PropertyTable:
    """What the file itself tells of every row."""
    table = PropertyTable(())
    if scored.times_N is not None:
        moments = times_of(scored.times_N) if scored.are_dates else numbers_of(TIME, scored.times_N)
        table = table.beside(moments)
    if scored.lots is not None and scored.lots_N is not None:
        names = [name.strip() or None for name in scored.lots]
        table = table.beside(names_of(LOT, [names[code] for code in scored.lots_N.tolist()]))
    return table


def _lots(scored: ScoredSet, settings: ConfoundSettings) -> list[Lots]:
    if scored.lots is None or scored.lots_N is None:
        return []
    named_L = np.array([bool(name.strip()) for name in scored.lots])
    lots_N = np.where(named_L[scored.lots_N], scored.lots_N, -1)
    found = lots_of("lot", lots_N, scored.abnormal_N, settings.permutations, settings.seed)
    return [found] if found else []


def _period(scored: ScoredSet) -> dict[str, Any] | None:
    """First and last time of the file, ISO 8601 in UTC where they are dates."""
    if scored.times_N is None or not np.isfinite(scored.times_N).any():
        return None
    ends = float(np.nanmin(scored.times_N)), float(np.nanmax(scored.times_N))
    first, last = (
        datetime.fromtimestamp(end, UTC).isoformat(timespec="seconds") if scored.are_dates else end
        for end in ends
    )
    return {"first": first, "last": last, "missing": int(np.isnan(scored.times_N).sum())}


def _worst(made: Certified) -> dict[str, Any] | None:
    """The lot with most missed defects, of equals that with most false calls; images are counted."""
    scored = made.scored
    if scored.lots is None or scored.lots_N is None:
        return None
    flagged_N = flagged(made.scores_N, made.attestation.certificate.threshold)
    bad_N, count = scored.abnormal_N, len(scored.lots)
    sums_4L = [
        np.bincount(scored.lots_N[chosen_N], minlength=count)
        for chosen_N in (bad_N & ~flagged_N, ~bad_N & flagged_N, bad_N, ~bad_N)
    ]
    worst = max(range(count), key=lambda lot: (sums_4L[0][lot], sums_4L[1][lot], -lot))
    missed, calls, n_abnormal, n_normal = (int(sums_L[worst]) for sums_L in sums_4L)
    return {
        "lot": scored.lots[worst].strip() or "not given",
        "missed": missed,
        "n_abnormal": n_abnormal,
        "false_calls": calls,
        "n_normal": n_normal,
    }


def _chosen(paths: Sequence[str], abnormal_N: Any, most: int) -> Int64Array:
    """Rows to look at, all of a class or those with the lowest hashes: the same for the same paths."""
    chosen: list[int] = []
    for kind in (False, True):
        rows = np.flatnonzero(abnormal_N == kind).tolist()
        if len(rows) > most:
            hashes = {row: hashlib.sha256(os.fsencode(str(paths[row]))).digest() for row in rows}
            rows = sorted(rows, key=hashes.__getitem__)[:most]
        chosen += rows
    return np.array(sorted(chosen), dtype=np.int64)


def _measured(
    made: Certified, rows_K: Int64Array, progress: Progress
) -> tuple[PropertyTable, dict[str, Any]]:
    """Properties of the chosen pictures, and how many could not be read."""
    paths = made.scored.paths
    assert paths is not None  # noqa: S101  # nothing is chosen where there are none
    places = [picture_place(made.request.scores, str(paths[row])) for row in rows_K.tolist()]
    found: list[Mapping[str, Value] | str] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # decoders let go of the lock
        for done, one in enumerate(pool.map(_properties, places), start=1):
            found.append(one)
            progress(done, len(places))
    lost = [(place, one) for place, one in zip(places, found, strict=True) if isinstance(one, str)]
    table = collected(
        (*file_columns(), *pixel_columns(_WHERE, "")),
        [{} if isinstance(one, str) else one for one in found],
    )
    return table, {
        "looked_at": len(places),
        "of": int(made.scored.abnormal_N.size),
        "unreadable": len(lost),
        "reasons": [f"{place.name}: {reason}" for place, reason in lost[:3]],
    }


def picture_place(scores: Path, given: str) -> Path:
    """Path of a picture, looked for beside the scores where it is relative."""
    beside = scores.parent / given
    return beside if not Path(given).is_absolute() and beside.exists() else Path(given)


def _properties(place: Path) -> Mapping[str, Value] | str:
    """Properties of one picture, or why it has none: a certificate is no place to fail over one."""
    try:
        if not place.is_file():
            return "there is no such file"
        if place.stat().st_size > _LARGEST_BYTES:
            return "it is larger than any photograph"
        file = opened(place.read_bytes())
        return file_values(file) | dict(pixel_values(_WHERE, pixels_of(file)))
    except NoAnswerError as error:
        return error.what
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or "it cannot be read"


def ungrouped(made: Certified) -> dict[str, Any] | None:
    """What the same rows would claim were every image a board: n, the bound, and a sentence.

    None without groups. No look: it is the same scores and rule, and it answers nothing that holds.
    """
    group, held = made.request.columns.group, made.attestation.certificate
    if made.scored.groups_N is None:
        return None
    scores_N = np.where(np.isfinite(made.scores_N), made.scores_N, np.inf)
    normal, abnormal = (scores_N[made.scored.abnormal_N == bad] for bad in (False, True))
    try:
        torn = attest(normal, abnormal, made.request.rule(), held.confidence, held.looks)
    except NoSafeThresholdError:
        return None
    n_abnormal, upper = torn.certificate.n_abnormal, torn.certificate.escape_upper
    said = (
        f"Were the column {group!r} ignored, n would be {n_abnormal:,} defects instead of "
        f"{held.n_abnormal:,} (and {torn.certificate.n_normal:,} good boards instead of "
        f"{held.n_normal:,}) and the bound {in_hundred(upper)} instead of "
        f"{in_hundred(held.escape_upper)} in 100: images of one part are no further parts."
    )
    return {
        "n_normal": torn.certificate.n_normal,
        "n_abnormal": n_abnormal,
        "escape_upper": upper,
        "sentence": said,
    }
