"""What a finished retraining tells people: its artifacts in Prefect, and what became of its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.artifacts import publish_promotion, publish_scores
from flows.certified_artifacts import (
    Standing,
    publish_certificate,
    publish_hardest,
    publish_ladder,
    publish_report,
)
from flows.events import CHALLENGER_KEPT_BACK, CHAMPION_PROMOTED, tell
from flows.figures import RunFigures
from flows.promotion import PromotionFigures
from flows.settings import LineSettings
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.report import score_picture
from tasks.watch import watch


@dataclass(frozen=True)
class Pages:
    """The report, the boards that decide as Markdown, and the certificate's JSON object."""

    report: Path
    hardest: str
    certificate: Mapping[str, Any]


def publish_results(
    settings: LineSettings, stores: Stores, snapshot: Snapshot, figures: RunFigures, pages: Pages
) -> None:
    """Show it all in Prefect, and send the event of the promotion or of the refusal."""
    line, promotion = settings.line, figures.promotion
    bundle = figures.fingerprints["bundle"]
    assert promotion is not None  # noqa: S101  # every retraining ends at the gate
    publish_report(line, pages.report)
    publish_hardest(line, pages.hardest)
    publish_scores(line, figures.sentences(), score_picture(stores, bundle))
    publish_ladder(line, figures.threshold_facts)
    publish_promotion(line, promotion.sentences(), promotion.for_machines())
    standing = _standing(settings, stores, snapshot, bundle, promotion)
    publish_certificate(line, pages.certificate, standing)
    tell_of_promotion(line, promotion)


def tell_of_promotion(line: str, promotion: PromotionFigures) -> None:
    """One event where the gate decided; none where the bundle was the champion already."""
    told = promotion.for_machines()
    if promotion.promoted:
        payload = {"number": told["number"], "bundle": told["champion"], "by": "gate"}
        tell(CHAMPION_PROMOTED, line, payload | {"why": told["reasons"]})
    elif promotion.decided.gate is not None:
        payload = {"bundle": told["challenger"], "why": told["reasons"], "lost": told["lost"]}
        tell(CHALLENGER_KEPT_BACK, line, payload | {"remedy": promotion.sentences()[-1]})


def _standing(
    settings: LineSettings,
    stores: Stores,
    snapshot: Snapshot,
    bundle: str,
    promotion: PromotionFigures,
) -> Standing:
    """What a reader of the certificate must know about its bundle: whether it inspects, and its light."""
    if not promotion.for_machines()["is_champion"]:
        said = "Its bundle is not the champion and inspects nothing: see the promotion."
        return Standing(None, said)
    held = stores.suspensions(settings.line).suspended(bundle)
    if held is not None:
        return Standing("red", held.sentence)
    now = datetime.now(UTC)
    light = watch(stores, bundle, snapshot.images_fingerprint, settings.drift, now)
    return Standing(light.colour, light.reason)
