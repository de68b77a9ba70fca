"""Verbs: remember what the champion was certified on, hold today's boards against it, act on red."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from prefect import task

from storage.errors import NotFoundError
from storage.fingerprints import code_digest, fingerprint
from storage.images import ImageRow
from storage.inspections import InspectedRow, Inspections
from storage.receipts import Receipt
from storage.stores import Stores
from storage.suspensions import SuspensionRecord
from tasks.bundles import out_of_fold_sheet, read_bundle
from tasks.certification.thresholds import flagged
from tasks.drift.boards import Board
from tasks.drift.light import Light, judge, unknown
from tasks.drift.period import CertifiedPeriod, finite
from tasks.drift.quantities import QUANTITIES, RECONSTRUCTION_ERROR, light_of
from tasks.drift.settings import DriftSettings
from tasks.jobs import Bundle
from tasks.progress import report_progress
from tasks.retrying import RETRYING
from tasks.score_sheet import ScoreSheet, group_names

_IMAGES_AT_ONCE = 64
_CLOCKS_DIFFER = timedelta(minutes=2)
BY_DRIFT = "drift"


@task(name="remember certified period", **RETRYING)
def remember_certified_period(stores: Stores, bundle_key: str, images_fingerprint: str) -> Receipt:
    """Commit what is watched of the good boards that a bundle was developed and certified on.

    Scores and reconstruction errors are read where `certify` and `extract` left them, residuals where
    `ingest` did; only the light of the stored board images is measured. A bundle has one period, that of
    its first certificate: a reference that grows every night would be another test every night.
    Raises `NotFoundError` where the bundle has no certificate, or images or metrics are gone.
    """
    key = fingerprint(
        {"bundle": bundle_key, "code": code_digest("tasks.drift.period", "tasks.drift.quantities")}
    )
    if committed := stores.registry.find("periods", key):
        return committed
    bundle = read_bundle(stores, bundle_key)
    certificate = _first_certificate(stores, bundle_key)
    folder = stores.registry.open("certificates", certificate.key)
    held = ScoreSheet.from_json((folder / "scores.json").read_bytes())
    period = _period(stores, bundle, images_fingerprint, held)
    facts = {"bundle": bundle_key, "line": bundle.line}
    inputs = {"bundle": bundle_key, "certificate": certificate.key}
    files = {"period.json": period.to_json()}
    return stores.registry.put("periods", key, files, inputs=inputs, facts=facts)


@task(name="watch", **RETRYING)
def watch(
    stores: Stores,
    bundle_key: str,
    images_fingerprint: str,
    settings: DriftSettings,
    now: datetime,
    since: datetime | None = None,
) -> Light:
    """Judge what a bundle inspected since its last lift, or since `since`, against its certified period.

    Without a period (a bundle of an earlier version whose images are gone) the light is yellow.
    """
    bundle = read_bundle(stores, bundle_key)
    seen = stores.inspections(bundle.line, bundle_key).read()
    begin = stores.suspensions(bundle.line).tested_from(bundle_key)
    boards = _boards(stores, bundle, images_fingerprint, seen.rows)[begin:]
    if since is not None:
        boards = [board for board in boards if _time(board.at) >= since]
    try:
        remembered = remember_certified_period.fn(stores, bundle_key, images_fingerprint)
    except NotFoundError as error:
        reason = (
            f"What the champion was certified on is not known any more ({error.what}) "
            "Run `zeroescape retrain`: what it certifies is remembered."
        )
        return unknown(reason, len(boards), settings.level)
    folder = stores.registry.open("periods", remembered.key)
    period = CertifiedPeriod.from_json((folder / "period.json").read_bytes())
    return judge(period, boards, settings, _remarks(seen, now))


@task(name="suspend", **RETRYING)
def suspend_if_red(stores: Stores, line: str, bundle_key: str, light: Light, at: str) -> bool:
    """Suspend the bundle's certificate where the light is red; False where that changes nothing."""
    first = light.first_red
    if first is None:
        return False
    ledger = stores.suspensions(line)
    count = len(stores.inspections(line, bundle_key).read().rows)
    return ledger.append(
        SuspensionRecord(
            "suspended", bundle_key, at, BY_DRIFT, first.sentence, count, alarm_at=first.at
        )
    )


@task(name="lift", **RETRYING)
def lift(stores: Stores, line: str, bundle_key: str, by: str, why: str, at: str) -> None:
    """A person answers for the certificate: it stands again, and the tests begin with the next board."""
    count = len(stores.inspections(line, bundle_key).read().rows)
    record = SuspensionRecord("lifted", bundle_key, at, by, why, count)
    stores.suspensions(line).append(record)


def _first_certificate(stores: Stores, bundle_key: str) -> Receipt:
    made = [
        receipt
        for receipt in stores.registry.receipts("certificates")
        if receipt.facts.get("bundle") == bundle_key
    ]
    if not made:
        raise NotFoundError("The bundle has no certificate.", "Run `zeroescape retrain`.")
    return min(made, key=lambda receipt: (str(receipt.facts["at"]), receipt.key))


def _period(
    stores: Stores, bundle: Bundle, images_fingerprint: str, held: ScoreSheet
) -> CertifiedPeriod:
    classifier = stores.registry.find("classifiers", bundle.classifier)
    if classifier is None:
        raise NotFoundError("The classifier is gone.", "Run `zeroescape retrain`.")
    developed = out_of_fold_sheet(stores, classifier, str(classifier.facts["chosen"]))
    good = [*_good(developed), *_good(held)]
    scores_N = held.of_label("normal")
    flags_N = flagged(scores_N, bundle.threshold)
    images = stores.images(bundle.line, images_fingerprint)
    brightness, spread = [], []
    for begin in range(0, len(good), _IMAGES_AT_ONCE):
        for board_HWC in images.read(good[begin : begin + _IMAGES_AT_ONCE]):
            light = light_of(board_HWC)
            brightness.append(light[0])
            spread.append(light[1])
        report_progress("certified period", min(begin + _IMAGES_AT_ONCE, len(good)), len(good))
    table = stores.features(bundle.line, bundle.features_fingerprint).table(good)
    values = {
        "residual_px": [_residual_px(images.rows()[one]) for one in good],
        "brightness": brightness,
        "spread": spread,
        "difference": table.values_NM[:, table.columns.index(RECONSTRUCTION_ERROR)].tolist(),
        "score": scores_N[~flags_N].tolist(),
    }
    return CertifiedPeriod(finite(values), int(flags_N.size), int(flags_N.sum()))


def _good(sheet: ScoreSheet) -> list[str]:
    images = sheet.images
    return [one for one, label in zip(images.image_ids, images.labels, strict=True) if label == 0]


def _residual_px(row: ImageRow) -> float:
    """NaN where nothing is registered."""
    found = row.facts.get("residual_px")
    return math.nan if found is None else float(str(found))


def _boards(
    stores: Stores, bundle: Bundle, images_fingerprint: str, rows: Sequence[InspectedRow]
) -> list[Board]:
    """What the archive told since of a board that was inspected is found by its content."""
    stored = stores.images(bundle.line, images_fingerprint).rows()
    snapshot = stores.snapshots(bundle.line).latest()
    lots = {row.image_id: _lots(group_names(row)) for row in snapshot.rows} if snapshot else {}
    boards = []
    for number, row in enumerate(rows, 1):
        facts = stored[row.image].facts if row.image in stored else {}
        boards.append(
            Board(
                number,
                str(facts.get("captured_at") or row.captured_at or row.inspected_at),
                row.flagged,
                {quantity.name: getattr(row, quantity.name) for quantity in QUANTITIES},
                str(facts.get("camera") or ""),
                lots.get(row.image, ()),
            )
        )
    return boards


def _lots(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name.replace(":", " ", 1) for name in names if name.startswith("lot:")))


def _time(text: str) -> datetime:
    """A time without a zone is this machine's."""
    return datetime.fromisoformat(text).astimezone()


def _remarks(seen: Inspections, now: datetime) -> list[str]:
    """What makes the times untrustworthy; the order of the boards does not depend on them."""
    said = []
    jumps = [
        (was, then) for was, then in seen.set_back if _time(was) - _time(then) > _CLOCKS_DIFFER
    ]
    if jumps:
        was, then = jumps[-1]
        said.append(
            f"The clock was set back {len(jumps)} time{'s' if len(jumps) > 1 else ''}, last from {was} "
            f"to {then}: the order of the boards is right, the times of findings may not be."
        )
    future = [row for row in seen.rows if _time(row.inspected_at) - now > _CLOCKS_DIFFER]
    if future:
        said.append(
            f"{len(future)} inspections bear times that are yet to come, {future[-1].inspected_at} for "
            "example: set the clock of the machine that inspects."
        )
    return said
