"""Numbers and verdicts in plain words, so that page, charts and alt texts say the same."""

from __future__ import annotations

import math

from tasks.reporting.content import (
    BoardExample,
    CertificateFigures,
    LadderRow,
    Redrawing,
    ReportContent,
)

NO_BREAK = "\u00a0"
MINUS = "\u2212"
DEAR_RATE = 0.20  # every fifth good board back on an operator's desk undoes most of the benefit
CHEAP_RATE = 0.05

ROLE_PURPOSES = {
    "reconstruction": "normals that train the reconstruction",
    "validation": "normals that choose its checkpoint",
    "mask": "unseen normals that make the weighting mask",
    "development": "the metric table: classifier and threshold",
    "certification": "seen by no fitting, search or choice",
    "waiting": "not scored; the next training learns from them",
    "undecided": "labelled neither normal nor abnormal; only scored",
    "set aside": "abnormal beside what trains, or seen before its label was changed; used for nothing",
}

CURVE_NAMES = {
    "validation_psnr_db": "PSNR on unseen normals, dB",
    "psnr_db": "PSNR of the training batch, dB",
    "perplexity": "Perplexity of the codebook",
    "used_codes": "Codebook entries in use",
}

METRIC_NAMES = {
    "ssim": "SSIM",
    "mse": "MSE",
    "fid": "FID",
    "orb": "ORB",
    "q1": "first quartile",
    "q3": "third quartile",
    "kl": "KL divergence",
    "negative_elbo": "negative ELBO",
    "residual_features_l1": "residual of features, L1",
    "residual_features_l2": "residual of features, L2",
    "residual_image_l1": "residual of the image, L1",
}


def percent(share: float) -> str:
    """`0.0231` as '2.3 %'; a share that is not a number as 'not known'."""
    if not math.isfinite(share):
        return "not known"
    value = 100.0 * share
    digits = 0 if value >= 10.0 or value == 0.0 else 1
    return f"{value:.{digits}f}{NO_BREAK}%"


def chance(share: float) -> str:
    """Say a chance as `percent`, but never round what is open up to certainty."""
    return f"over 99{NO_BREAK}%" if share > 0.99 else percent(share)


def percent_exactly(share: float) -> str:
    """One decimal always, for tables; an empty class shows as a dash."""
    return f"{100.0 * share:.1f}" if math.isfinite(share) else "\u2013"


def upper_bound(share: float) -> str:
    """Say a bound, rounded up to two decimals: rounding must never sharpen a promise."""
    if not math.isfinite(share):
        return "not known"
    return f"{math.ceil(share * 1e4 - 1e-6) / 100.0:.2f}{NO_BREAK}%"


def interval(low: float, high: float, confidence: float = 0.95) -> str:
    """Say an exact interval in words, or nothing where it is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{100 * confidence:g}{NO_BREAK}% interval {percent(low)} to {percent(high)}"


def number(value: float) -> str:
    """Three significant digits; infinite scores in words.

    Digits are added rather than round a score below 1 up to 1, and thousands keep their units.
    """
    if math.isnan(value):
        return "no number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    gap = 1.0 - value
    if 0.0 < gap < 1e-6:
        return f"1{NO_BREAK}{MINUS}{NO_BREAK}{gap:.1g}"
    if 0.0 < gap < 1e-3:
        return f"{value:.{_places(gap)}f}"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"


def probability(share: float) -> str:
    """`9.711e-06` as '0.000971 %', with the same care close to 1 as `number`."""
    gap = 1.0 - share
    if 0.0 < gap < 1e-3:
        return f"{100.0 * share:.{max(_places(gap) - 2, 0)}f}{NO_BREAK}%"
    return f"{_small(100.0 * share)}{NO_BREAK}%"


def _places(gap: float) -> int:
    """Decimals that the first digit of `gap` needs."""
    return -math.floor(math.log10(gap))


def _small(value: float) -> str:
    """Three significant digits, without an exponent down to a millionth."""
    if not 1e-6 <= value < 1e-3:
        return number(value)
    return f"{value:.{_places(value) + 2}f}"


def redrawing_words(redrawing: Redrawing) -> str:
    """How well unseen normals are redrawn, beside their mean image; with a remedy where it is worse."""
    ours = f"{redrawing.psnr_db:.1f}{NO_BREAK}dB"
    mean = f"{redrawing.mean_image_psnr_db:.1f}{NO_BREAK}dB"
    if redrawing.worse:
        return (
            f"The reconstruction redraws unseen normals with a PSNR of {ours}, worse than their mean "
            f"image alone would ({mean}): what it draws wrongly looks like a defect. Train longer, or "
            "let the mean image be the reconstruction (kind: mean_image)."
        )
    return (
        f"It redraws unseen normals with a PSNR of {ours}; their mean image alone reaches {mean}."
    )


def counted(count: int, noun: str, plural: str = "") -> str:
    """'1 defect', '3 defects'."""
    return f"{count:,}{NO_BREAK}{noun if count == 1 else plural or noun + 's'}"


def of_all(count: int, total: int) -> str:
    """'14 of 24', unbroken."""
    return f"{count:,}{NO_BREAK}of{NO_BREAK}{total:,}"


def duration(seconds: float) -> str:
    """Seconds as '0.42 s', '38 s', '4 min 05 s' or '2 h 10 min'."""
    if seconds < 10.0:
        return f"{seconds:.2g}{NO_BREAK}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NO_BREAK}s"
    if whole < 3600:
        return f"{whole // 60}{NO_BREAK}min {whole % 60:02d}{NO_BREAK}s"
    return f"{whole // 3600}{NO_BREAK}h {whole % 3600 // 60:02d}{NO_BREAK}min"


def verdict_words(certificate: CertificateFigures | None) -> tuple[str, str]:
    """Tone (good, bad, caution) and the verdict in one or two sentences.

    No escape is `good` only where false calls are known and below `DEAR_RATE`.
    """
    if certificate is None or certificate.n_abnormal == 0:
        return "caution", "Not certified: no held-out defect has been judged at this threshold."
    escapes, n = certificate.escapes, certificate.n_abnormal
    rate = certificate.false_calls / certificate.n_normal if certificate.n_normal else math.nan
    tone = "bad" if escapes else "good" if rate < DEAR_RATE else "caution"
    first = (
        f"No escape among {counted(n, 'held-out defect')}"
        if escapes == 0
        else f"{of_all(escapes, n)} held-out defects escaped"
    )
    if certificate.n_normal == 0:
        return tone, f"{first}. No held-out good board was judged, so false calls are unknown."
    calls = of_all(certificate.false_calls, certificate.n_normal)
    join = ", at the price of" if escapes == 0 and certificate.false_calls else "; "
    return tone, f"{first}{join} {calls} good boards called falsely.".replace(";  ", "; ")


def price_words(ladder: tuple[LadderRow, ...], n_abnormal: int) -> tuple[str, str]:
    """Whether zero escapes is dear or cheap here, and what the hardest defects cost."""
    if not ladder or ladder[0].misses > 0 or ladder[0].n_normal == 0:
        return "The price of zero escapes is not known on this set.", ""
    zero, *relaxed = ladder
    said = (
        "Zero escapes is dear on this set."
        if zero.false_call_rate >= DEAR_RATE
        else "Zero escapes is cheap on this set."
        if zero.false_call_rate <= CHEAP_RATE
        else "Zero escapes has its price on this set."
    )
    paid = f"{of_all(zero.false_calls, zero.n_normal)} good development boards"
    cost = f"It takes false calls on {paid} ({percent(zero.false_call_rate)})."
    cheaper = next((step for step in relaxed if step.misses > 0), None)
    if cheaper is None:
        return said, cost
    saved = zero.false_calls - cheaper.false_calls
    if saved <= 0:
        return said, f"{cost} Letting {counted(cheaper.misses, 'defect')} escape would save none."
    who = "the hardest one" if cheaper.misses == 1 else f"the hardest {cheaper.misses}"
    return said, (
        f"{cost} Of these, {saved:,} {'is' if saved == 1 else 'are'} owed to {who} "
        f"of {counted(n_abnormal, 'defect')} alone: "
        f"letting {'it' if cheaper.misses == 1 else 'them'} escape would leave "
        f"{cheaper.false_calls:,} ({percent(cheaper.false_call_rate)})."
    )


def counted_once_words(ladder: tuple[LadderRow, ...], n_normal: int) -> str:
    """Why the ladder counts fewer boards than there are images; nothing where it does not."""
    if not ladder or ladder[0].n_normal >= n_normal:
        return ""
    return (
        f"Images that belong together (panel, lot, serial number, near-duplicates) count once here: "
        f"{counted(n_normal, 'normal image')} make {ladder[0].n_normal:,}."
    )


def choice_words(members: int, certified: bool) -> str:
    """Warn that the choice among several classifiers used the figures that it is judged by."""
    if members < 2:
        return ""
    untouched = (
        "Only the certification figures are untouched by this choice."
        if certified
        else "No image was held out, so no figure here is untouched by this choice."
    )
    return (
        "The classifier was chosen on these same out-of-fold scores, so its development figures "
        "are slightly flattering: with twelve equally good classifiers the best would show about "
        f"half of its true price in false calls. {untouched}"
    )


def curve_words(name: str) -> str:
    """Read out one column of the training history."""
    spoken = CURVE_NAMES.get(name, name.replace("_", " "))
    return spoken[:1].upper() + spoken[1:]


def metric_words(name: str) -> str:
    """Read out a column name: 'masked.patch.ssim.sum' -> 'candidates · SSIM · sum · with mask'."""
    parts = [part for part in name.split(".") if part]
    masked = len(parts) > 1 and parts[0] == "masked"
    parts = parts[1:] if masked else parts
    level = {
        "image": "whole image",
        "pixel": "worst pixels",
        "patch": "candidates",
        "bank": "beside all normals",
        "place": "beside normals at the same place",
        "embedding": "features",
        "system": "the system's own score",
    }
    parts = [level.get(parts[0], parts[0]), *parts[1:]] if parts else [name]
    spoken = " · ".join(METRIC_NAMES.get(part, part.replace("_", " ")) for part in parts)
    return f"{spoken} · with mask" if masked else spoken


def own_score_words(column: str) -> str:
    """Read out the column of a system's own score without its level: 'Search loss'."""
    name = column.rpartition(".")[2]
    spoken = METRIC_NAMES.get(name, name.replace("_", " "))
    return spoken[:1].upper() + spoken[1:]


def judgement(example: BoardExample) -> tuple[str, str]:
    """Kind (good, bad, neutral) and words of what the verdict means for this board."""
    match (example.label, example.verdict):
        case ("abnormal", "flagged"):
            return "good", "defect, caught"
        case ("abnormal", _):
            return "bad", "defect, escaped"
        case ("normal", "flagged"):
            return "caution", "good board, false call"
        case ("normal", _):
            return "good", "good board, passed"
        case _:
            return "neutral", f"label undecided, {example.verdict}"


def threshold_owner(content: ReportContent) -> BoardExample | None:
    """Find the example that sets the threshold, if the report shows it."""
    return next((example for example in content.examples if example.sets_threshold), None)
