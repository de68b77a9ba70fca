"""The report of a product line as one HTML file that needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import math

import numpy as np
from markupsafe import Markup

from tasks.reporting import gallery, plots, wording
from tasks.reporting.content import Headline, ReportContent
from tasks.reporting.label_audit import audit_groups
from tasks.reporting.overlays import heat
from tasks.reporting.pages import own_file, style, template
from tasks.reporting.published import latent_pictures
from tasks.reporting.scaling import picture_note, shown_map
from tasks.reporting.trivial_plots import trivial_chart, trivial_words

_STYLES = ("report.css", "label_audit.css", "published.css")
_SHOWN_AT_ONCE = 4  # further boards fold away: a page of 24 is scrolled, not read


def render_report(content: ReportContent) -> str:
    """One self-contained HTML page: inline SVG, data URIs, its own style and script.

    Every text of the content is escaped. A content security policy in the page forbids any
    request and any script but its own, so a hostile file name stays a name.
    """
    script = own_file("report.js")
    return template("report.html.j2").render(
        content=content,
        say=wording,
        finite=math.isfinite,
        style=style(*_STYLES),
        script=Markup(script),  # noqa: S704 -- own file
        script_hash=_policy_hash(script),
        headlines=headlines(content),
        n_abnormal=len(content.development.abnormal),
        audit_groups=audit_groups(content.label_audit),
        latent_pictures=latent_pictures(content.published),
        **_verdict(content),
        **_charts(content),
        **_galleries(content),
    )


def headlines(content: ReportContent) -> tuple[Headline, ...]:
    """Collect the large figures of the first screen, each with its n or bound."""
    figures = [*_certificate_headlines(content), _threshold_headline(content)]
    if content.ladder:
        zero = content.ladder[0]
        rate, interval = (
            wording.percent(zero.false_call_rate),
            wording.interval(zero.low, zero.high),
        )
        figures.append(
            Headline(
                f"Price at {wording.counted(zero.misses, 'escape')}",
                wording.of_all(zero.false_calls, zero.n_normal),
                f"false calls in development: {rate}, {interval}",
            )
        )
    if undecided := len(content.undecided_N):
        scores_N = np.asarray(content.undecided_N, dtype=np.float64)
        flagged = int((~np.isfinite(scores_N) | (scores_N >= content.threshold)).sum())
        detail = "flagged, of the boards whose label people left undecided; counted nowhere else"
        figures.append(Headline("Undecided boards", wording.of_all(flagged, undecided), detail))
    return (*figures, *content.more_headlines)


def _certificate_headlines(content: ReportContent) -> list[Headline]:
    held = content.certificate
    if held is None or held.n_abnormal == 0:
        return [Headline("Escapes", "not certified", "no defect was held out to ask")]
    escapes = Headline(
        "Escapes",
        wording.of_all(held.escapes, held.n_abnormal),
        f"held-out defects missed; true rate below {wording.upper_bound(held.escape_upper_95)} "
        "at 95 % confidence",
    )
    if held.n_normal == 0:
        return [escapes, Headline("False calls", "not known", "no good board was held out to ask")]
    rate = wording.percent(held.false_calls / held.n_normal)
    bounds = wording.interval(held.false_call_low, held.false_call_high, held.confidence)
    detail = f"held-out good boards flagged: {rate}" + (f", {bounds}" if bounds else "")
    calls = wording.of_all(held.false_calls, held.n_normal)
    return [escapes, Headline("False calls", calls, detail)]


def _threshold_headline(content: ReportContent) -> Headline:
    n = len(content.development.abnormal)
    scores_N = content.development.abnormal
    escapes = int((np.isfinite(scores_N) & (scores_N < content.threshold)).sum())
    detail = (
        f"the highest cut that misses none of {wording.counted(n, 'development defect')}"
        if escapes == 0
        else f"the cut in use; misses {wording.of_all(escapes, n)} development defects"
    )
    return Headline("ZFN threshold", wording.number(content.threshold), detail)


def _verdict(content: ReportContent) -> dict[str, object]:
    tone, verdict = wording.verdict_words(content.certificate)
    price, price_detail = wording.price_words(content.ladder, len(content.development.abnormal))
    once = wording.counted_once_words(content.ladder, len(content.development.normal))
    return {
        "tone": tone,
        "verdict": verdict,
        "price": price,
        "price_detail": price_detail,
        "counted_once": once,
    }


def _charts(content: ReportContent) -> dict[str, object]:
    """Figures as markup; their texts were escaped where they were written."""
    panels = [("Development, out-of-fold", content.development)]
    if content.certification is not None and len(content.certification.scores_N):
        panels.append(("Certification, held out", content.certification))
    scores = plots.score_distributions(panels, content.undecided_N, content.threshold)
    ladder = plots.price_ladder(content.ladder, len(content.development.abnormal))
    curves = plots.training_curves(content.history, content.best_step)
    screening = content.screening
    trivial = "" if screening is None else trivial_chart(screening, content.composite_auroc)
    return {
        "axis_words": plots.shared_axis(panels, content.undecided_N, content.threshold).explanation,
        "scores_chart": Markup(scores),  # noqa: S704 -- chart.py escapes its texts
        "ladder_chart": Markup(ladder),  # noqa: S704 -- chart.py escapes its texts
        "trivial_chart": Markup(trivial),  # noqa: S704 -- as above
        "trivial_words": ()
        if screening is None
        else trivial_words(screening, content.composite_auroc),
        "curves": [(name, Markup(curve)) for name, curve in curves],  # noqa: S704 -- as above
        "heaviest": max((abs(metric.weight) for metric in content.influences), default=0.0),
        "longest": max((stage.seconds for stage in content.stage_times), default=0.0),
        "total_seconds": sum(stage.seconds for stage in content.stage_times),
    }


def _galleries(content: ReportContent) -> dict[str, object]:
    top = gallery.heat_top(content.examples)
    owner = wording.threshold_owner(content)
    ramp = heat(np.linspace(0.0, 1.0, 256)[None, :], 1.0)
    mask = content.mask_HW
    return {
        "heat_top": top,
        "heat_ramp": gallery.embedded(ramp),
        "owner": gallery.row(owner, "board-threshold", top) if owner else None,
        "abnormal_rows": gallery.rows(content.examples, "abnormal", top),
        "normal_rows": gallery.rows(content.examples, "normal", top),
        "undecided_rows": gallery.rows(content.examples, "undecided", top),
        "picture_note": picture_note(content.examples),
        "shown_at_once": _SHOWN_AT_ONCE,
        "mask": None if mask is None else gallery.embedded(heat(shown_map(mask), 1.0)),
    }


def _policy_hash(script: str) -> str:
    """Base64 SHA-256 of the script, by which the page's policy recognises it."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
