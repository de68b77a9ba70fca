"""An escape certificate as one HTML page to print: no other file, no script, no request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tasks.reporting import wording
from tasks.reporting.certificate_content import CertificateContent
from tasks.reporting.certificate_plots import distributions, whisker
from tasks.reporting.pages import style, template
from tasks.reporting.thumbnails import thumbnail
from tasks.reporting.trivial_plots import screening_sentences, trivial_chart, trivial_words

_STYLES = ("report.css", "certificate.css")


def render_certificate(content: CertificateContent) -> str:
    """One self-contained page in the style of the reports; every text of the content is escaped."""
    figures = content.figures
    return template("certificate.html.j2").render(
        figures=figures,
        say=wording,
        style=style(*_STYLES),
        scores_chart=Markup(distributions(content)),  # noqa: S704 -- chart.py escapes its texts
        ladder=_ladder(figures),
        hardest=_pictures(content, "abnormal"),
        dearest=_pictures(content, "normal"),
        score_name=content.score_name,
        **_trivial(figures),
        verdict=_verdict(figures),
    )


def _verdict(figures: Any) -> tuple[str, str]:
    """Tone and heading: what a reader who reads one line reads.

    No escape is `good` only where false calls do not undo the benefit; what is suspended is never.
    """
    if figures.get("suspended"):
        return "bad", "Suspended: what this certificate says does not hold for boards of today."
    missed = wording.of_all(figures["escapes"], figures["n_abnormal"])
    bound = wording.upper_bound(figures["escape_upper"])
    sure = f"with {100 * figures['confidence']:g}{wording.NO_BREAK}% confidence"
    if figures["escape_upper"] >= 1.0:
        return "bad", f"{missed} defects escaped; no bound on the true rate can be given."
    if figures["rank"] is not None:
        return "caution", (
            f"Fewer than {bound} of defects escape, {sure}, provided that these defects served only "
            "to set the threshold."
        )
    dear = figures["false_call_rate"] >= wording.DEAR_RATE
    tone = "bad" if figures["escapes"] else "caution" if dear else "good"
    return tone, f"{missed} defects escaped; the true rate is below {bound} {sure}."


def _trivial(figures: Any) -> dict[str, Any]:
    """The section on trivial properties; own certificates show it in their report instead."""
    found = figures.get("confounds")
    if not found:
        return {"screening": None, "trivial_chart": "", "trivial_words": ()}
    drawn = trivial_chart(found, figures["auroc"]) if found["properties"] else ""
    said = [f"{one[0].upper()}{one[1:]}." for one in screening_sentences(found)]
    return {
        "screening": found,
        "trivial_chart": Markup(drawn),  # noqa: S704 -- chart.py escapes its texts
        "trivial_words": [*trivial_words(found, figures["auroc"]), *said],
    }


def _ladder(figures: Any) -> list[dict[str, Any]]:
    widest = max((step["high"] for step in figures["ladder"]), default=1.0)
    return [
        dict(step)
        | {
            "figure": Markup(  # noqa: S704 -- chart.py escapes its texts
                whisker(step["low"], step["false_call_rate"], step["high"], widest)
            )
        }
        for step in figures["ladder"]
    ]


def _pictures(content: CertificateContent, label: str) -> list[dict[str, Any]]:
    return [
        dict(one) | {"source": _picture(content, one)}
        for one in content.figures["price_set_by"]
        if one["label"] == label
    ]


def _picture(content: CertificateContent, board: Mapping[str, Any]) -> str | None:
    known = content.pictures.get(board["name"])
    return known or (thumbnail(Path(board["picture"])) if board["picture"] else None)
