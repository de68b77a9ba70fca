"""The certified period is found in what the stores hold; red suspends, a person lifts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from storage.errors import NotFoundError
from storage.images import ImageRow
from storage.inspections import InspectedRow
from storage.receipts import Json
from storage.stores import Stores
from tasks.bundles import BUNDLES
from tasks.drift.light import Light
from tasks.drift.period import CertifiedPeriod
from tasks.drift.quantities import RECONSTRUCTION_ERROR
from tasks.drift.settings import DriftSettings
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.watch import lift, remember_certified_period, suspend_if_red, watch
from tests.flows.test_plan import certified

LINE, KEY, IMAGES = "line", "bundle", "images"
SETTINGS = DriftSettings()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD, BAD = 60, 6


def sheet(prefix: str, generator: np.random.Generator) -> ScoreSheet:
    ids = tuple(f"{prefix}{number}" for number in range(GOOD + BAD))
    scores = [*generator.uniform(0.0, 0.52, GOOD).tolist(), *[0.9] * BAD]
    return ScoreSheet(Labelled(ids, (0,) * GOOD + (1,) * BAD), tuple(scores))


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """A line that was certified before periods were remembered: images, metrics, sheets, bundle."""
    stores, bundle = Stores(tmp_path), certified()
    generator = np.random.default_rng(0)
    developed, held = sheet("d", generator), sheet("c", generator)
    ids = [*developed.images.image_ids, *held.images.image_ids]
    noise = generator.integers(-20, 21, (len(ids), 8, 8, 1))
    level = generator.integers(95, 106, (len(ids), 1, 1, 1))
    rows = [
        ImageRow(one, f"{one}.png", {"captured_at": None, "camera": "top", "residual_px": 0.4})
        for one in ids
    ]
    boards = (level + noise).astype(np.uint8)
    stores.images(LINE, IMAGES).write_segment(boards, rows)
    values = generator.normal(0.05, 0.002, (len(ids), 2))
    columns = ("image.mse", RECONSTRUCTION_ERROR)
    features = stores.features(LINE, bundle.features_fingerprint)
    features.write_batch(ids, values, columns, ["ok"] * len(ids))
    kind = {"out-of-fold/extra_trees.json": developed.to_json()}
    stores.registry.put("classifiers", "classifier", kind, facts={"chosen": "extra_trees"})
    stores.registry.put("bundles", KEY, {"bundle.json": BUNDLES.dump_json(bundle)})
    stores.registry.put(
        "certificates",
        "certificate",
        {"scores.json": held.to_json()},
        facts={"bundle": KEY, "line": LINE, "at": "2026-01-01T00:00:00+00:00"},
    )
    return stores


def inspected(count: int, brightness: float = 100.0, begin: int = 0) -> list[InspectedRow]:
    generator = np.random.default_rng((1, begin))
    at = (NOW - timedelta(hours=1)).isoformat()
    return [
        InspectedRow(
            f"i{begin + number}", f"i{number}.png", at, None, False,
            float(generator.uniform(0, 0.5)), None, 0.4,
            float(generator.normal(brightness, 3)), float(generator.normal(12.0, 0.8)),
            float(generator.normal(0.05, 0.002)),
        )
        for number in range(count)
    ]  # fmt: skip


def look(stores: Stores, since: datetime | None = None) -> Light:
    light: Light = watch.fn(stores, KEY, IMAGES, SETTINGS, NOW, since)
    return light


def test_the_period_is_made_of_good_boards_that_the_stores_hold(stores: Stores) -> None:
    receipt = remember_certified_period.fn(stores, KEY, IMAGES)
    place = stores.registry.open("periods", receipt.key) / "period.json"
    period = CertifiedPeriod.from_json(place.read_bytes())
    held = ScoreSheet.from_json(
        (stores.registry.open("certificates", "certificate") / "scores.json").read_bytes()
    )
    normal = held.of_label("normal")
    assert (period.good, period.flagged) == (GOOD, int((normal >= 0.5).sum()))
    assert period.flagged > 0
    assert sorted(period.values["score"]) == sorted(normal[normal < 0.5].tolist())
    counts = {name: len(own) for name, own in period.values.items() if name != "score"}
    assert counts == dict.fromkeys(("residual_px", "brightness", "spread", "difference"), 2 * GOOD)
    first = stores.images(LINE, IMAGES).read(["d0"])[0]
    assert period.values["brightness"][0] == pytest.approx(first.mean())
    assert period.values["spread"][0] == pytest.approx(first.std())


def test_a_remembered_period_is_a_look_up_even_when_its_images_are_gone(stores: Stores) -> None:
    first = remember_certified_period.fn(stores, KEY, IMAGES)
    stores.objects.delete_folder(f"images/{LINE}")
    stores.registry.put(
        "certificates", "later", {"scores.json": b"{}"}, facts={"bundle": KEY, "at": "2026-02-01"}
    )
    assert remember_certified_period.fn(Stores(stores.root), KEY, IMAGES) == first


def test_a_bundle_without_certificate_or_images_says_so_and_its_light_is_yellow(
    stores: Stores,
) -> None:
    stores.objects.delete_folder(f"images/{LINE}")
    with pytest.raises(NotFoundError):
        remember_certified_period.fn(Stores(stores.root), KEY, IMAGES)
    stores.inspections(LINE, KEY).write(inspected(30), NOW.isoformat())
    light = look(Stores(stores.root))
    assert light.colour == "yellow"
    assert "zeroescape retrain" in light.reason
    assert not suspend_if_red.fn(stores, LINE, KEY, light, NOW.isoformat())


def test_no_inspection_yet_is_yellow(stores: Stores) -> None:
    light = look(stores)
    assert (light.colour, light.boards) == ("yellow", 0)
    assert "inspected nothing yet" in light.reason


def test_boards_like_the_certified_ones_are_green(stores: Stores) -> None:
    rows = inspected(0)
    generator = np.random.default_rng(3)
    receipt = remember_certified_period.fn(stores, KEY, IMAGES)
    place = stores.registry.open("periods", receipt.key) / "period.json"
    known = CertifiedPeriod.from_json(place.read_bytes()).values
    for base in inspected(80):
        rows.append(
            replace(
                base,
                score=float(generator.choice(known["score"])),
                brightness=float(generator.choice(known["brightness"])),
                spread=float(generator.choice(known["spread"])),
                difference=float(generator.choice(known["difference"])),
            )
        )
    stores.inspections(LINE, KEY).write(rows, NOW.isoformat())
    light = look(stores)
    assert light.colour == "green", light.findings
    assert light.boards == 80


def test_red_suspends_once_and_after_a_lift_the_tests_begin_anew(stores: Stores) -> None:
    log = stores.inspections(LINE, KEY)
    log.write(inspected(60, brightness=160.0), NOW.isoformat())
    light = look(stores)
    assert light.colour == "red"
    assert suspend_if_red.fn(stores, LINE, KEY, light, NOW.isoformat())
    assert not suspend_if_red.fn(stores, LINE, KEY, look(stores), NOW.isoformat())
    held = stores.suspensions(LINE).suspended(KEY)
    assert held is not None
    assert held.by == "drift"
    assert "mean brightness" in held.sentence
    assert held.inspections == 60
    lift.fn(stores, LINE, KEY, "A. Ray", "lamp looked at", NOW.isoformat())
    assert stores.suspensions(LINE).suspended(KEY) is None
    light = look(stores)
    assert (light.colour, light.boards) == ("yellow", 0)
    log.write(inspected(60, brightness=160.0, begin=100), NOW.isoformat())
    assert suspend_if_red.fn(stores, LINE, KEY, look(stores), NOW.isoformat())


def test_a_view_of_the_newest_boards_has_only_those(stores: Stores) -> None:
    stores.inspections(LINE, KEY).write(inspected(60, brightness=160.0), NOW.isoformat())
    assert look(stores, since=NOW - timedelta(hours=2)).boards == 60
    assert look(stores, since=NOW).boards == 0


def test_the_archive_tells_the_camera_and_the_time_of_a_board_that_was_taken_in(
    stores: Stores,
) -> None:
    rows = inspected(60, brightness=170.0)
    taken = "2026-02-27T06:00:00+00:00"
    facts: dict[str, Json] = {"captured_at": taken, "camera": "left", "residual_px": 0.4}
    known = [ImageRow(row.image, row.file, facts) for row in rows[:40]]
    stores.images(LINE, IMAGES).write_segment(np.zeros((40, 8, 8, 1), np.uint8), known)
    stores.inspections(LINE, KEY).write(rows, NOW.isoformat())
    light = look(stores)
    assert light.colour == "red"
    assert "All from camera left." in light.reason
    assert light.findings[0].at == taken


def test_a_clock_that_jumps_is_told_and_loses_no_board(stores: Stores) -> None:
    log = stores.inspections(LINE, KEY)
    log.write(inspected(20), (NOW + timedelta(days=300)).isoformat())
    log.write(inspected(20, begin=20), NOW.isoformat())
    ahead = [
        replace(row, inspected_at=(NOW + timedelta(days=1)).isoformat())
        for row in inspected(5, begin=40)
    ]
    log.write(ahead, NOW.isoformat())
    light = look(stores)
    said = " ".join(found.sentence for found in light.findings)
    assert light.boards == 45
    assert light.colour in ("yellow", "red")
    assert "set back 1 time," in said
    assert "5 inspections bear times that are yet to come" in said


def test_the_record_of_a_suspension_is_plain_json(stores: Stores) -> None:
    stores.inspections(LINE, KEY).write(inspected(60, brightness=160.0), NOW.isoformat())
    suspend_if_red.fn(stores, LINE, KEY, look(stores), NOW.isoformat())
    (place,) = (Path(stores.root) / "suspensions" / LINE).iterdir()
    content = json.loads(place.read_bytes())
    assert content["what"] == "suspended"
    assert content["why"].startswith("The mean brightness")
