"""Verb: the page of a backfill, with pictures of the boards whose verdict changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from prefect import task

from storage.fingerprints import code_digest, fingerprint
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.batches import look_at
from tasks.bundles import read_bundle
from tasks.instrument import Measurement
from tasks.jobs import Measuring
from tasks.past import read_comparison
from tasks.progress import report_progress
from tasks.reporting.backfill_content import BackfillContent, PicturedBoard
from tasks.reporting.backfill_page import render_backfill
from tasks.retrying import RETRYING
from tasks.workers import Workers


@dataclass(frozen=True)
class PageOrder:
    """What the page of a comparison is called, how many boards of each kind it pictures, where it goes.

    `images` are fingerprints of the board images of champion and challenger, None for other code.
    """

    title: str
    pictures: int
    place: Path
    images: tuple[str | None, str | None]


@task(name="backfill report", **RETRYING)
def report_backfill(
    stores: Stores, comparison: Receipt, order: PageOrder, workers: Workers
) -> Path:
    """Commit the page of a comparison and put a copy where people look for it; returns that place."""
    key = fingerprint(
        {
            "comparison": comparison.key,
            "title": order.title,
            "pictures": order.pictures,
            "code": code_digest("tasks.reporting", "tasks.backfill_report"),
        }
    )
    if not stores.registry.find("reports", key):
        report_progress("report", 0, 1)
        page = render_backfill(_content(stores, comparison, order, workers))
        made_of = {"comparison": comparison.key}
        stores.registry.put("reports", key, {"backfill.html": page.encode()}, inputs=made_of)
        report_progress("report", 1, 1)
    content = (stores.registry.open("reports", key) / "backfill.html").read_bytes()
    order.place.parent.mkdir(parents=True, exist_ok=True)
    fresh = order.place.with_suffix(".part")
    fresh.write_bytes(content)
    fresh.replace(order.place)
    return order.place


def _content(
    stores: Stores, comparison: Receipt, order: PageOrder, workers: Workers
) -> BackfillContent:
    figures = read_comparison(stores, comparison.key)
    at = str(comparison.facts["at"])
    wanted = _to_look_at(figures["changes"], order.pictures)
    # The challenger's candidates where it can be asked, for its verdicts are the new ones.
    for who, images in (("challenger", order.images[1]), ("champion", order.images[0])):
        if images is not None:
            pictures = _pictured(stores, figures[who]["bundle"], images, wanted, workers)
            words = f"the {who}'s candidates"
            return BackfillContent(order.title, at, figures, pictures, words)
    return BackfillContent(order.title, at, figures)


def _to_look_at(changes: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    """The first boards of each kind: they come hardest first."""
    chosen: dict[str, list[str]] = {}
    for one in changes:
        chosen.setdefault(one["change"], []).append(one["image_id"])
    return [image_id for ids in chosen.values() for image_id in ids[:count]]


def _pictured(
    stores: Stores, bundle_key: str, images: str, wanted: Sequence[str], workers: Workers
) -> dict[str, PicturedBoard]:
    bundle = read_bundle(stores, bundle_key)
    stored = stores.images(bundle.line, images).rows()
    ids = tuple(image_id for image_id in wanted if image_id in stored)
    if not ids:
        return {}
    measuring = Measuring(bundle.instrument, bundle.line, images, bundle.features_fingerprint)
    seen = workers.run(partial(look_at, stores, measuring, ids))
    found = {}
    for image_id, (image_HWC, measured) in zip(ids, seen, strict=True):
        if isinstance(measured, Measurement):
            found[image_id] = PicturedBoard(
                image_HWC, measured.plain.boxes_Q4, measured.plain.scores_Q
            )
        else:
            found[image_id] = PicturedBoard(image_HWC)
    return found
