"""Which images a bundle is certified on: those of its last certificate, until enough have come since.

A nightly that certified the same bundle anew for every handful of new images would spend a look each
time, and all looks share one δ. So a bundle is certified again when its certification images have grown
by a share, when one of them changed, or at once where a new known defect would escape: what speaks
against a certificate is never kept waiting.
"""

from __future__ import annotations

from storage.stores import Stores
from tasks.certification.thresholds import flagged
from tasks.jobs import Bundle, Measuring
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.scoring import score_images


def certified_images(
    stores: Stores,
    question: str,
    measuring: Measuring,
    parts: Bundle,
    held_out: Labelled,
    renewal: float,
) -> Labelled:
    """Images of the newest certificate that answers the `question`, if they do still; else `held_out`."""
    asked = [
        receipt
        for receipt in stores.registry.receipts("certificates")
        if receipt.facts.get("question") == question
    ]
    if not asked:
        return held_out
    newest = max(asked, key=lambda one: (str(one.facts["at"]), int(str(one.facts["looks"]))))
    folder = stores.registry.open("certificates", newest.key)
    before = ScoreSheet.from_json((folder / "scores.json").read_bytes()).images
    new = _new(held_out, before)
    if new is None or _has_grown(held_out, new, renewal):
        return held_out
    defects = [image_id for image_id, label in new if label == 1]
    scores_D = score_images(
        stores, measuring.line, measuring.features_fingerprint, parts.classifier, defects
    )
    return before if flagged(scores_D, parts.threshold).all() else held_out


def _new(held_out: Labelled, certified: Labelled) -> list[tuple[str, int]] | None:
    """Images that came since, with their labels; None where one of the certified is not as it was."""
    before, now = _boards(certified), _boards(held_out)
    if not before <= now:
        return None
    return [(image_id, label) for image_id, label, _ in sorted(now - before)]


def _boards(images: Labelled) -> set[tuple[str, int, str]]:
    groups = images.groups or ("",) * len(images.image_ids)
    return set(zip(images.image_ids, images.labels, groups, strict=True))


def _has_grown(held_out: Labelled, new: list[tuple[str, int]], renewal: float) -> bool:
    for label in (0, 1):
        added = sum(1 for _, of in new if of == label)
        if added > renewal * (held_out.labels.count(label) - added):
            return True
    return False
