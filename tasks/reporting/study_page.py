"""A study as one HTML page: what metrics, defects and doubtful labels are worth; no other file."""

from __future__ import annotations

from markupsafe import Markup

from tasks.reporting import wording
from tasks.reporting.pages import style, template
from tasks.reporting.study_content import StudyContent
from tasks.reporting.study_plots import (
    curve_charts,
    families_chart,
    ladder_chart,
    missed_chart,
    ratio_charts,
)
from tasks.reporting.thumbnails import thumbnail_of

_STYLES = ("report.css", "certificate.css", "study.css")


def render_study(content: StudyContent) -> str:
    """One self-contained page in the style of the reports; every text of the content is escaped."""
    figures = content.figures
    families, curve, labels, ratios = (
        figures.get(part) for part in ("families", "learning_curve", "labels", "defect_ratios")
    )
    drawn = [] if curve is None else curve_charts(curve)
    return template("study.html.j2").render(
        title=content.title,
        figures=figures,
        families=families,
        curve=curve,
        labels=labels,
        ratios=ratios,
        sentences=content.sentences,
        say=wording,
        style=style(*_STYLES),
        # chart.py escapes its texts
        families_chart=Markup(families_chart(families) if families else ""),  # noqa: S704
        curve_charts=[(heading, Markup(svg)) for heading, svg in drawn],  # noqa: S704
        ratio_charts=[
            (heading, Markup(svg))  # noqa: S704
            for heading, svg in (ratio_charts(ratios) if ratios else [])
        ],
        ladders={
            name: Markup(ladder_chart(f"ladder-{name}", labels[name])) if labels else ""  # noqa: S704
            for name in ("steps", "cleaned")
        },
        missed_chart=Markup(missed_chart(labels) if labels else ""),  # noqa: S704
        pictures={name: thumbnail_of(image) for name, image in content.pictures.items()},
    )
