"""An escape certificate as one HTML page to print: no other file, no script, no request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tasks.reporting import wording
from tasks.reporting.certificate_content import CertificateContent
from tasks.reporting.certificate_plots import distributions, whisker
from tasks.reporting.thumbnails import thumbnail

_HERE = Path(__file__).parent


def render_certificate(content: CertificateContent) -> str:
    """One self-contained page in the style of the reports; every text of the content is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "".join(
        (_HERE / name).read_text(encoding="utf-8") for name in ("report.css", "certificate.css")
    )
    figures = content.figures
    return environment.get_template("certificate.html.j2").render(
        figures=figures,
        say=wording,
        style=Markup(style),  # noqa: S704 -- own files
        scores_chart=Markup(distributions(content)),  # noqa: S704 -- chart.py escapes its texts
        ladder=_ladder(figures),
        hardest=_pictures(figures, "abnormal"),
        dearest=_pictures(figures, "normal"),
        score_name=content.score_name,
        verdict=_verdict(figures),
    )


def _verdict(figures: Any) -> tuple[str, str]:
    """Tone and heading: what a reader who reads one line reads."""
    missed = wording.of_all(figures["escapes"], figures["n_abnormal"])
    bound = wording.upper_bound(figures["escape_upper"])
    if figures["rank"] is not None:
        return "caution", (
            f"Fewer than {bound} of defects escape, provided that these defects served only to set "
            "the threshold."
        )
    tone = "bad" if figures["escapes"] else "good"
    return tone, f"{missed} defects escaped; the true rate is below {bound}."


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


def _pictures(figures: Any, label: str) -> list[dict[str, Any]]:
    return [
        dict(one) | {"source": thumbnail(Path(one["picture"])) if one["picture"] else None}
        for one in figures["price_set_by"]
        if one["label"] == label
    ]
