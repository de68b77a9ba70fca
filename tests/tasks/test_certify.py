"""Both verbs on a real store: a threshold by order statistic, and looks that are counted and paid for."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from flows.own_certificate import champion_certificate
from storage.errors import NotFoundError
from storage.images import ImageRow
from storage.receipts import Receipt
from storage.snapshots import SnapshotRow
from storage.stores import Stores
from tasks.bundles import BUNDLES
from tasks.certification.bounds import escape_upper_bound, order_statistic
from tasks.certification.settings import CertificationSettings
from tasks.certify import calibrate, certify
from tasks.classification.examples import checked_examples
from tasks.classification.persistence import save_composite_score
from tasks.classification.pipelines import fitted
from tasks.classification.settings import ClassificationSettings, LogisticRegressionSettings
from tasks.jobs import Measuring
from tasks.promote import promote
from tasks.reporting.certificate_page import render_certificate
from tasks.score_sheet import Labelled, ScoreSheet
from tasks.scoring import score_images
from tasks.vocabulary.errors import NoSafeThresholdError
from tests.flows.test_plan import certified

LINE, FEATURES, IMAGES = "line", "f" * 8, "i" * 8
MEMBER = LogisticRegressionSettings()
LEARNING = ClassificationSettings(members=(MEMBER,), folds=3)
N_NORMAL, N_ABNORMAL = 30, 20
HELD_OUT = Labelled(
    tuple(f"{number:064x}" for number in range(N_NORMAL + N_ABNORMAL)),
    (0,) * N_NORMAL + (1,) * N_ABNORMAL,
)
FAMILIES = ("",) * N_NORMAL + ("scratch", "dent") * (N_ABNORMAL // 2)
PLAIN = CertificationSettings()


def metrics() -> np.ndarray:
    """Two metrics, both higher for defects, of which the held-out ones are 2 apart."""
    generator = np.random.default_rng(3)
    return (
        generator.normal(size=(N_NORMAL + N_ABNORMAL, 2)) + 2.0 * np.array(HELD_OUT.labels)[:, None]
    )


def sheet(
    normal: list[float], abnormal: list[float], groups: tuple[str, ...] | None = None
) -> ScoreSheet:
    labels = (0,) * len(normal) + (1,) * len(abnormal)
    ids = tuple(f"n{at}" for at in range(len(normal))) + tuple(
        f"d{a}" for a in range(len(abnormal))
    )
    return ScoreSheet(Labelled(ids, labels, groups), (*normal, *abnormal))


def classifier(stores: Stores, scores: ScoreSheet, name: str = "classifier") -> Receipt:
    files = {"out-of-fold/tool.json": scores.to_json()}
    return stores.registry.put("classifiers", name, files, facts={"chosen": "tool"})


def threshold_of(stores: Stores, receipt: Receipt) -> dict[str, Any]:
    folder = stores.registry.open("thresholds", receipt.key)
    found: dict[str, Any] = json.loads((folder / "threshold.json").read_bytes())
    return found


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path / "store")


def test_the_threshold_is_the_lowest_defect_and_names_it(stores: Stores) -> None:
    receipt = calibrate.fn(stores, classifier(stores, sheet([0.1, 0.6], [0.7, 0.5, 0.9])), PLAIN)
    found = threshold_of(stores, receipt)
    assert (found["threshold"], found["rank"], found["set_by"]) == (0.5, 1, ["d1"])
    assert receipt.facts["rank"] == 1
    assert found["zfn"] == found["in_use"]
    assert found["in_use"]["false_calls"] == 1


def test_a_wanted_escape_rate_sets_the_rank(stores: Stores) -> None:
    abnormal = [float(score) for score in np.linspace(1.0, 0.4, 174)]
    wanted = CertificationSettings(escape_rate=0.05)
    made = classifier(stores, sheet([0.0, 0.41, 0.45], abnormal))
    found = threshold_of(stores, calibrate.fn(stores, made, wanted))
    assert found["rank"] == order_statistic(174, 0.05, 0.95) == 4
    assert found["threshold"] == sorted(abnormal)[3]
    assert found["set_by"] == ["d173", "d172", "d171", "d170"]
    assert (found["in_use"]["escapes"], found["zfn"]["escapes"]) == (3, 0)
    assert (found["in_use"]["false_calls"], found["zfn"]["false_calls"]) == (1, 2)
    zero = calibrate.fn(stores, made, PLAIN)
    assert threshold_of(stores, zero)["threshold"] == 0.4


def test_too_few_defects_say_how_many_are_missing_and_leave_nothing(stores: Stores) -> None:
    made = classifier(stores, sheet([0.0], [0.5] * 40))
    with pytest.raises(NoSafeThresholdError, match="Collect 19 more"):
        calibrate.fn(stores, made, CertificationSettings(escape_rate=0.05))
    assert stores.registry.receipts("thresholds") == []


def test_a_part_seen_often_is_one_defect_for_the_rank(stores: Stores) -> None:
    """With 59 defects 5 % can be supported; 59 images of 58 parts cannot."""
    groups = tuple(f"g{max(at, 2)}" for at in range(60))
    alone, grouped = (
        classifier(stores, sheet([0.0], [0.5 + at / 100 for at in range(59)], names), name)
        for name, names in (("alone", None), ("grouped", groups))
    )
    wanted = CertificationSettings(escape_rate=0.05)
    assert threshold_of(stores, calibrate.fn(stores, alone, wanted))["rank"] == 1
    with pytest.raises(NoSafeThresholdError, match="58 defects cannot"):
        calibrate.fn(stores, grouped, wanted)


def test_a_defect_without_a_score_sets_no_threshold(stores: Stores) -> None:
    made = classifier(stores, sheet([0.0], [math.inf, 0.5]))
    assert threshold_of(stores, calibrate.fn(stores, made, PLAIN))["set_by"] == ["d1"]


@dataclass
class Bench:
    """A line whose metrics are stored, and bundles of one classifier at any threshold."""

    stores: Stores
    measuring: Measuring

    def bundle(self, threshold: float, name: str = "") -> Receipt:
        frozen = replace(
            certified(),
            line=LINE,
            classifier="score",
            threshold=threshold,
            threshold_key=f"threshold{name}",
        )
        key = f"bundle-{threshold:g}{name}".replace(".", "_")
        return self.stores.registry.put("bundles", key, {"bundle.json": BUNDLES.dump_json(frozen)})

    def certify(self, bundle: Receipt, held_out: Labelled = HELD_OUT, **told: Any) -> Receipt:
        return certify.fn(
            self.stores,
            self.measuring,
            bundle,
            held_out,
            (),
            PLAIN,
            families=FAMILIES[: len(held_out.image_ids)],
            **told,
        )

    def certificate(self, receipt: Receipt) -> dict[str, Any]:
        folder = self.stores.registry.open("certificates", receipt.key)
        found: dict[str, Any] = json.loads((folder / "certificate.json").read_bytes())
        return found


@pytest.fixture
def bench(stores: Stores) -> Bench:
    table = metrics()
    stores.features(LINE, FEATURES).write_batch(
        HELD_OUT.image_ids, table, ["a", "b"], ["ok"] * len(table)
    )
    examples = checked_examples(table, np.array(HELD_OUT.labels), ("a", "b"))
    with TemporaryDirectory() as folder:
        save_composite_score(fitted(MEMBER, LEARNING, examples, {}, 0), Path(folder))
        files = {f"score/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
    stores.registry.put("classifiers", "score", files, facts={"chosen": MEMBER.kind})
    return Bench(stores, Measuring(certified().instrument, LINE, IMAGES, FEATURES))


def test_another_bundle_is_another_look_and_the_same_bundle_the_same(bench: Bench) -> None:
    first, second = bench.bundle(0.01), bench.bundle(0.02)
    at_first = bench.certify(first)
    alone = bench.certificate(at_first)
    assert bench.certify(first) == at_first
    paid = bench.certificate(bench.certify(second))
    assert (alone["looks"], paid["looks"]) == (1, 2)
    assert alone["escapes"] == paid["escapes"] == 0
    assert alone["escape_upper_95"] == escape_upper_bound(0, N_ABNORMAL, 0.95)
    assert paid["escape_upper_95"] == pytest.approx(escape_upper_bound(0, N_ABNORMAL, 0.975))
    again = bench.certificate(bench.certify(second))
    assert again == paid
    # What was said at the first look is void: asked again, the first bundle pays for both.
    late = bench.certify(first)
    assert late.key != at_first.key
    assert bench.certificate(late)["looks"] == 2
    assert bench.certify(first) == late


def test_another_bundle_that_says_the_same_says_nothing_new(bench: Bench) -> None:
    bench.certify(bench.bundle(0.01))
    twin = bench.certificate(bench.certify(bench.bundle(0.01, "-of-other-code")))
    assert twin["looks"] == 1


def test_a_run_killed_between_ledger_and_receipt_comes_to_the_same_certificate(
    bench: Bench,
) -> None:
    bundle = bench.bundle(0.01)
    receipt = bench.certify(bundle)
    made = bench.certificate(receipt)
    # The look is kept and the certificate is not: what a kill between both leaves.
    bench.stores.objects.delete_folder(f"certificates/{receipt.key}")
    assert bench.stores.registry.receipts("certificates") == []
    again = bench.certify(bundle)
    assert again.key == receipt.key
    assert bench.certificate(again) == made
    assert made["looks"] == 1


def part_of(images: Labelled, normal: int, abnormal: int) -> Labelled:
    """The first so many of each class."""
    rows = [*range(normal), *range(N_NORMAL, N_NORMAL + abnormal)]
    return Labelled(tuple(images.image_ids[r] for r in rows), tuple(images.labels[r] for r in rows))


def test_a_handful_of_new_images_waits_for_the_next_certificate(bench: Bench) -> None:
    bundle = bench.bundle(0.01)

    def asked(normal: int, abnormal: int, **settings: Any) -> dict[str, Any]:
        held_out = part_of(HELD_OUT, normal, abnormal)
        certification = CertificationSettings(**settings)
        families = [FAMILIES[HELD_OUT.image_ids.index(one)] for one in held_out.image_ids]
        return bench.certificate(
            certify.fn(bench.stores, bench.measuring, bundle, held_out, (), certification, families)
        )

    first = asked(20, 12)
    # Growth by a quarter of either class is not enough.
    assert asked(25, 15) == first
    assert sum(one["n"] for one in first["families"]) == 12
    grown = asked(25, 16)
    assert (grown["n_normal"], grown["n_abnormal"], grown["looks"]) == (25, 16, 2)
    assert asked(25, 17) == grown
    # What was asked less often may be asked at any time.
    assert asked(25, 17, renewal=0.0)["looks"] == 3
    assert asked(26, 17, renewal=0.0)["n_normal"] == 26
    assert len(bench.stores.objects.list("looks")) == 4


def test_a_new_defect_that_would_escape_is_told_at_once(bench: Bench) -> None:
    scores = score_images(bench.stores, LINE, FEATURES, "score", HELD_OUT.image_ids)[N_NORMAL:]
    last = int(np.argmin(scores))
    order = [*(at for at in range(N_ABNORMAL) if at != last), last]
    rows = [*range(N_NORMAL), *(N_NORMAL + at for at in order)]
    there = Labelled(tuple(HELD_OUT.image_ids[r] for r in rows), HELD_OUT.labels)
    bundle = bench.bundle(float(np.nextafter(scores.min(), 1.0)))
    before = bench.certificate(bench.certify(bundle, part_of(there, N_NORMAL, N_ABNORMAL - 1)))
    after = bench.certificate(bench.certify(bundle, there))
    assert (before["escapes"], after["escapes"], after["looks"]) == (0, 1, 2)


def test_a_certified_image_that_is_gone_or_has_another_label_is_no_certificate(
    bench: Bench,
) -> None:
    bundle = bench.bundle(0.01)
    bench.certify(bundle)
    fewer = part_of(HELD_OUT, N_NORMAL - 1, N_ABNORMAL)
    assert bench.certificate(bench.certify(bundle, fewer))["n_normal"] == N_NORMAL - 1
    corrected = replace(fewer, labels=(1, *fewer.labels[1:]))
    assert bench.certificate(bench.certify(bundle, corrected))["n_abnormal"] == N_ABNORMAL + 1


def test_corrected_labels_and_a_grown_role_are_no_fresh_set(bench: Bench) -> None:
    bundle = bench.bundle(0.01)
    bench.certify(bundle)
    corrected = replace(HELD_OUT, labels=(1, *HELD_OUT.labels[1:]))
    assert bench.certificate(bench.certify(bundle, corrected))["looks"] == 2
    fewer = Labelled(HELD_OUT.image_ids[1:], HELD_OUT.labels[1:])
    made = certify.fn(bench.stores, bench.measuring, bundle, fewer, (), PLAIN)
    assert bench.certificate(made)["looks"] == 3


def test_the_certificate_says_what_the_stand_alone_one_says(bench: Bench) -> None:
    told: dict[str, Any] = {"warnings": ["The size separates the classes."], "labels_changed": 2}
    receipt = bench.certify(bench.bundle(0.01), **told)
    made = bench.certificate(receipt)
    for name in ("n_normal", "n_abnormal", "threshold", "false_calls", "false_call_rate"):
        assert name in made
    assert made["false_call_interval"] == [made["false_call_low"], made["false_call_high"]]
    assert [step["misses"] for step in made["ladder"]] == [0, 1, 2, 5]
    assert made["warnings"] == told["warnings"]
    assert made["labels_changed"] == 2
    assert {one["name"]: one["n"] for one in made["families"]} == {"scratch": 10, "dent": 10}
    assert made["sentence"].startswith("0 of 20 held-out defects were missed at a threshold fixed")
    scores = bench.stores.registry.open("certificates", receipt.key) / "scores.json"
    assert made["data_sha256"] == hashlib.sha256(scores.read_bytes()).hexdigest()
    # What a reader is told is part of the certificate, and no look.
    silent = bench.certify(bench.bundle(0.01))
    assert silent.key != receipt.key
    assert bench.certificate(silent)["looks"] == 1


def test_parts_count_once_and_one_missed_image_is_an_escape(bench: Bench) -> None:
    groups = tuple(f"part {at // 2}" for at in range(N_NORMAL + N_ABNORMAL))
    every = bench.certificate(bench.certify(bench.bundle(0.01), replace(HELD_OUT, groups=groups)))
    assert (every["n_normal"], every["n_abnormal"]) == (N_NORMAL // 2, N_ABNORMAL // 2)
    assert every["escape_upper"] == escape_upper_bound(0, N_ABNORMAL // 2, 0.95)
    assert (
        sum(one["n"] for one in every["families"]) == N_ABNORMAL
    )  # a part of two kinds is in both
    assert "held-out defective parts" in every["sentence"]


def test_the_champion_s_page_is_the_certificate_as_it_stands_now(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match="no champion"):
        champion_certificate(bench.stores, LINE)
    champion = bench.bundle(0.01)
    promote.fn(bench.stores, LINE, champion)
    with pytest.raises(NotFoundError, match="no certificate"):
        champion_certificate(bench.stores, LINE)
    names = dict(zip(HELD_OUT.image_ids, (f"b{at}.png" for at in range(50)), strict=True))
    rows = [SnapshotRow(one, name, "normal", "certification") for one, name in names.items()]
    bench.stores.snapshots(LINE).commit(rows, IMAGES, "roles")
    pixels_NHWC = np.full((50, 8, 8, 1), 90, dtype=np.uint8)
    described = [ImageRow(one, name) for one, name in names.items()]
    bench.stores.images(LINE, IMAGES).write_segment(pixels_NHWC, described)
    bench.certify(champion, warnings=["Told."], labels_changed=1)
    figures, content = champion_certificate(bench.stores, LINE)
    assert (figures["looks"], figures["n_abnormal"], figures["labels_changed"]) == (1, 20, 1)
    assert figures["warnings"][0] == "Told."
    assert {one["name"] for one in figures["price_set_by"]} <= set(names.values())
    page = render_certificate(content)
    assert page.count("data:image/jpeg;base64,") == 12
    assert "1 label was changed after scores were seen" in page
    bench.certify(bench.bundle(0.02))
    later, _ = champion_certificate(bench.stores, LINE)
    assert later["looks"] == 2
    assert later["escape_upper"] > figures["escape_upper"]
    assert len(bench.stores.objects.list("looks")) == 2
