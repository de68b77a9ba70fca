"""What a certificate says: for machines as one JSON object, for people as the content of a page."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from flows.certificate_screening import picture_place
from flows.certify import Certified
from tasks.certification.attestation import FixedThreshold, LowestDefect, WantedEscapeRate
from tasks.certification.bounds import escapes_per_million
from tasks.certification.claims import conditions, warnings
from tasks.certification.costs import (
    chance_of_escape,
    false_calls_per_thousand,
    operator_time,
    worst_chance_of_escape,
)
from tasks.certification.recalls import Recall, recalls, size_strata
from tasks.certification.thresholds import flagged
from tasks.reporting.certificate_content import CertificateContent

_SHOWN = 6
_REPEATS = (10, 100, 1000)


def machine_readable(made: Certified) -> dict[str, Any]:
    """Everything that the certificate says, in the tool's own direction of score; no NaN."""
    stated, held = made.attestation, made.attestation.certificate
    sign = made.request.sign
    return {
        **_question(made),
        "n_images": int(made.scores_N.size),
        "n_normal": held.n_normal,
        "n_abnormal": held.n_abnormal,
        "group": made.request.columns.group,
        "caught_by": made.request.caught_by if made.request.columns.group else None,
        "escapes": held.escapes,
        "confidence": held.confidence,
        "confidence_each": stated.confidence_each,
        "escape_upper": held.escape_upper,
        "escape_upper_95": stated.escape_upper_95,
        "false_calls": held.false_calls,
        "false_call_rate": held.false_call_rate,
        "false_call_interval": [held.false_call_low, held.false_call_high],
        "false_calls_per_1000_boards": false_calls_per_thousand(
            held.false_call_rate, made.request.prevalence or 0.0
        ),
        "auroc": made.auroc,
        "tied_normal": stated.tied_normal,
        "unscored": {"normal": stated.unscored_normal, "abnormal": stated.unscored_abnormal},
        "labels": [
            {"word": word, "read_as": int(bad), "rows": rows}
            for word, bad, rows in made.scored.label_words
        ],
        "ladder": [
            asdict(step) | {"threshold": sign * step.threshold + 0.0} for step in stated.ladder
        ],
        "families": [asdict(one) for one in family_recalls(made)],
        "sizes": [asdict(one) for one in size_recalls(made)],
        "repeats": repeats(made),
        "boards": boards(made),
        "price_set_by": price_set_by(made),
        "sentence": sentence(made),
        "conditions": list(conditions(stated, made.circumstances)),
        "warnings": list(warnings(stated, made.circumstances)),
    }


def _question(made: Certified) -> dict[str, Any]:
    """What was asked of which data, and from where on a board is flagged."""
    stated, held = made.attestation, made.attestation.certificate
    sign = made.request.sign
    return {
        "certificate": made.number,
        "made_at": made.made_at,
        "zeroescape": version("zeroescape"),
        "file": made.request.scores.name,
        "data_sha256": made.scored.sha256,
        "set": made.request.set_name,
        "recognised_by": made.recognised.by,
        "looks": held.looks,
        "rule": _rule_words(made),
        "rank": stated.rank,
        "threshold": sign * held.threshold + 0.0,
        "flagged_where": "score <= threshold" if sign < 0 else "score >= threshold",
    }


def page_content(made: Certified, figures: dict[str, Any]) -> CertificateContent:
    """The certificate as its page shows it."""
    return CertificateContent(
        figures=figures,
        score_name=made.request.columns.score,
        sign=made.request.sign,
        normal_U=made.normal.scores_U,
        abnormal_U=made.abnormal.scores_U,
        threshold=made.attestation.certificate.threshold,
    )


def sentence(made: Certified) -> str:
    """The claim that may be quoted."""
    grouped = made.request.columns.group is not None
    return made.attestation.sentence("defective parts" if grouped else "defects")


def repeats(made: Certified) -> list[dict[str, Any]]:
    """Chance that so many fresh defects see an escape; at worst, for a fixed threshold."""
    held, rank = made.attestation.certificate, made.attestation.rank
    found = []
    for fresh in sorted({*_REPEATS, held.n_abnormal}):
        chance = (
            worst_chance_of_escape(held.escape_upper, fresh)
            if rank is None
            else chance_of_escape(held.n_abnormal, fresh, rank)
        )
        found.append({"fresh_defects": fresh, "chance_of_escape": chance, "at_worst": rank is None})
    return found


def boards(made: Certified) -> dict[str, Any]:
    """What a stated prevalence, review time and today's flag rate make of the rates."""
    asked, held = made.request, made.attestation.certificate
    found: dict[str, Any] = {}
    if asked.prevalence is not None:
        found["prevalence"] = asked.prevalence
        found["escapes_per_million_at_most"] = escapes_per_million(
            asked.prevalence, held.escape_upper
        )
    if asked.flag_rate_today is not None and asked.review_seconds is not None:
        time = operator_time(
            held.false_call_rate,
            asked.prevalence or 0.0,
            asked.flag_rate_today,
            asked.review_seconds,
        )
        found["review_seconds"] = asked.review_seconds
        found["operator"] = asdict(time)
    return found


def family_recalls(made: Certified) -> tuple[Recall, ...]:
    """Recall per defect family, worst bound first; none without that column."""
    families, family_N = made.scored.families, made.scored.family_N
    if families is None or family_N is None:
        return ()
    names = [name.strip() or "family not given" for name in families]
    found = _recalls(made, names, family_N[made.scored.abnormal_N])
    return tuple(sorted(found, key=lambda one: (one.recall_lower, one.name)))


def size_recalls(made: Certified) -> tuple[Recall, ...]:
    """Recall per quarter of the defect sizes, smallest first; none without that column."""
    if made.scored.sizes_N is None:
        return ()
    return _recalls(made, *size_strata(made.scored.sizes_N[made.scored.abnormal_N]))


def _recalls(made: Certified, names: Any, strata_N: Any) -> tuple[Recall, ...]:
    stated = made.attestation
    return recalls(
        names,
        strata_N,
        made.abnormal,
        stated.certificate.threshold,
        stated.rank,
        stated.confidence_each,
    )


def price_set_by(made: Certified) -> list[dict[str, Any]]:
    """The defects with the weakest scores, which set the price, then the strongest good boards."""
    hardest_U = np.argsort(made.abnormal.scores_U, kind="stable")[:_SHOWN]
    dearest_U = np.argsort(-made.normal.scores_U, kind="stable")[:_SHOWN]
    return [*_setters(made, hardest_U, "abnormal"), *_setters(made, dearest_U, "normal")]


def _setters(made: Certified, order_U: Any, label: str) -> list[dict[str, Any]]:
    abnormal = label == "abnormal"
    units = made.abnormal if abnormal else made.normal
    rows_U = made.deciding_rows(abnormal=abnormal)
    threshold, rank = made.attestation.certificate.threshold, made.attestation.rank
    found = []
    for unit in order_U:
        row, score = int(rows_U[unit]), float(units.scores_U[unit])
        found.append(
            {
                "name": _name(made, row),
                "label": label,
                "score": made.request.sign * score + 0.0 if np.isfinite(score) else None,
                "flagged": bool(flagged(units.scores_U[unit : unit + 1], threshold)[0]),
                "sets_threshold": abnormal and rank is not None and score == threshold,
                "family": _family(made, row),
                "picture": _picture(made, row),
            }
        )
    return found


def _name(made: Certified, row: int) -> str:
    for names in (made.scored.ids, made.scored.paths):
        if names is not None:
            return str(names[row])
    return f"row {row + 1}"


def _family(made: Certified, row: int) -> str:
    families, family_N = made.scored.families, made.scored.family_N
    return "" if families is None or family_N is None else families[int(family_N[row])]


def _picture(made: Certified, row: int) -> str | None:
    """Path of the picture."""
    if made.scored.paths is None:
        return None
    return str(picture_place(made.request.scores, str(made.scored.paths[row])))


def _rule_words(made: Certified) -> str:
    match made.request.rule():
        case FixedThreshold():
            return "fixed threshold, fresh defects"
        case WantedEscapeRate(rate):
            return f"order statistic of these defects for an escape rate of at most {rate:g}"
        case LowestDefect():
            return "lowest score of these defects"
