"""The gate on a real store: which images count, in which scores, and what it never reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.stores import Stores
from storage.suspensions import SuspensionRecord
from tasks.challenge import SUSPENDED
from tasks.contest import CERTIFYING, FITTED_ON, NOT_MEASURED, NOT_RECORDED
from tests.tasks.rivals import BAD, GOOD, LINE, NORMALS, Rivals, rows, scores


@pytest.fixture
def rivals(tmp_path: Path) -> Rivals:
    """The champion flags ten of three hundred normals and misses no defect."""
    made = Rivals(Stores(tmp_path))
    made.bundle("champion", scores(range(10)), made.see(rows([*GOOD, *BAD])))
    return made


def test_fewer_false_calls_and_no_defect_lost_open_the_gate(rivals: Rivals) -> None:
    rivals.bundle("challenger", scores(range(3, 10)), rivals.snapshots[0])
    gate = rivals.gate("champion", "challenger")
    assert gate.passes
    assert gate.false_calls is not None
    assert (gate.false_calls.n, gate.false_calls.champion, gate.false_calls.challenger) == (
        NORMALS,
        10,
        7,
    )
    assert (gate.defects, gate.lost, gate.won, gate.unseen) == (len(BAD), (), (), ())


def test_a_decision_is_made_once(rivals: Rivals) -> None:
    rivals.bundle("challenger", scores(), rivals.snapshots[0])
    assert rivals.gate("champion", "challenger") == rivals.gate("champion", "challenger")
    (receipt,) = rivals.stores.registry.receipts("gates")
    assert receipt.facts["passes"] is True
    rivals.gate("champion", "challenger", automatic=False)
    assert len(rivals.stores.registry.receipts("gates")) == 2


def test_a_constant_score_flags_everything_and_stays_outside(rivals: Rivals) -> None:
    rivals.bundle("challenger", dict.fromkeys([*GOOD, *BAD], 0.5), rivals.snapshots[0])
    gate = rivals.gate("champion", "challenger")
    assert not gate.passes
    assert "False calls may be up to" in gate.obstacles[0]
    assert gate.missed == ()


def test_a_lost_defect_is_named_with_both_scores(rivals: Rivals) -> None:
    rivals.bundle("challenger", scores(missed=[4]), rivals.snapshots[0])
    gate = rivals.gate("champion", "challenger")
    assert not gate.passes
    (lost,) = gate.lost
    assert (lost.name, lost.champion_score, lost.challenger_score) == ("bad-4.png", 0.8, 0.2)
    assert "bad-4.png" in gate.obstacles[0]
    assert gate.missed == ("bad-4.png",)


def test_each_is_judged_at_its_own_threshold(rivals: Rivals) -> None:
    halved = {name: score / 2 for name, score in scores().items()}
    rivals.bundle("challenger", halved, rivals.snapshots[0], cut=0.25)
    gate = rivals.gate("champion", "challenger")
    assert gate.passes
    assert gate.lost == ()


def test_a_score_without_an_answer_is_flagged(rivals: Rivals) -> None:
    unanswered = {**scores(), "bad-0": float("inf"), "good-299": float("inf")}
    rivals.bundle("challenger", unanswered, rivals.snapshots[0])
    gate = rivals.gate("champion", "challenger")
    assert gate.lost == ()
    assert gate.false_calls is not None
    assert gate.false_calls.challenger_only == 1


class TestImagesThatAreNewToTheChampion:
    """Since the champion's run two defects and a normal joined the development role."""

    NEW = ("bad-new-0", "bad-new-1", "good-new")

    @pytest.fixture
    def grown(self, rivals: Rivals) -> Rivals:
        snapshot = rivals.see(rows([*GOOD, *BAD, *self.NEW]))
        new = {"bad-new-0": 0.8, "bad-new-1": 0.8, "good-new": 0.1}
        rivals.bundle("challenger", scores() | new, snapshot)
        return rivals

    def test_the_frozen_champion_is_asked(self, grown: Rivals) -> None:
        grown.measure("champion", {"bad-new-0": 8.0, "bad-new-1": -8.0, "good-new": 8.0})
        gate = grown.gate("champion", "challenger")
        assert gate.passes
        assert [one.name for one in gate.won] == ["bad-new-1.png"]
        assert gate.false_calls is not None
        assert (gate.false_calls.n, gate.false_calls.champion) == (NORMALS + 1, 11)

    def test_without_a_measurement_they_are_left_out_and_told(self, grown: Rivals) -> None:
        gate = grown.gate("champion", "challenger")
        assert gate.passes
        assert f"Not compared: 3 images: {NOT_MEASURED}" in gate.reasons

    def test_a_defect_missed_today_may_be_lost(self, grown: Rivals) -> None:
        missing = scores() | {"bad-new-0": 0.2, "bad-new-1": 0.8}
        grown.bundle("escaping", missing, grown.snapshots[-1])
        gate = grown.gate("champion", "escaping")
        assert [one.name for one in gate.unseen] == ["bad-new-0.png"]
        assert not gate.passes
        grown.measure("champion", {"bad-new-0": -8.0, "bad-new-1": 8.0})
        assert grown.gate("champion", "escaping").passes
        assert len(grown.stores.registry.receipts("gates")) == 2

    def test_a_champion_of_unknown_images_is_not_asked(self, grown: Rivals) -> None:
        grown.bundle("unrecorded", scores())
        grown.measure("unrecorded", {"bad-new-0": 8.0, "bad-new-1": -8.0, "good-new": 8.0})
        gate = grown.gate("unrecorded", "challenger")
        assert gate.defects == len(BAD)
        assert f"Not compared: 3 images: {NOT_RECORDED}" in gate.reasons

    def test_what_trained_the_champion_does_not_judge_it(self, rivals: Rivals) -> None:
        trained = rivals.see([*rows([*GOOD, *BAD]), *rows(["good-new"], "reconstruction")])
        rivals.bundle("trained", scores(), trained)
        rivals.measure("trained", {"good-new": 8.0})
        again = rivals.see(rows([*GOOD, *BAD, "good-new"]))
        rivals.bundle("challenger", scores() | {"good-new": 0.1}, again)
        gate = rivals.gate("trained", "challenger")
        assert gate.false_calls is not None
        assert gate.false_calls.n == NORMALS
        assert f"Not compared: 1 images: {FITTED_ON}" in gate.reasons


class TestADefectThatLeftTheArchive:
    """The champion caught it; nobody fitted the challenger on it."""

    @pytest.fixture
    def shrunk(self, rivals: Rivals) -> Rivals:
        snapshot = rivals.see(rows([*GOOD, *BAD[1:]]))
        fewer = scores()
        del fewer[BAD[0]]
        rivals.bundle("challenger", fewer, snapshot)
        return rivals

    def test_it_needs_a_person_if_nobody_can_ask_the_challenger(self, shrunk: Rivals) -> None:
        gate = shrunk.gate("champion", "challenger")
        assert not gate.passes
        assert gate.missed == (BAD[0],)

    @pytest.mark.parametrize(("metric", "lost"), [(-8.0, True), (8.0, False)])
    def test_the_frozen_challenger_is_asked(
        self, shrunk: Rivals, metric: float, lost: bool
    ) -> None:
        shrunk.measure("challenger", {BAD[0]: metric})
        gate = shrunk.gate("champion", "challenger")
        assert gate.passes is not lost
        assert bool(gate.lost) is lost
        assert gate.defects == len(BAD)

    def test_what_is_no_defect_any_more_is_not_missed(self, shrunk: Rivals) -> None:
        others = rows([*GOOD, *BAD[1:]])
        relabelled = rows([BAD[0]], "set aside")[0]
        shrunk.see([*others, type(relabelled)(relabelled.image_id, "b.png", "normal", "set aside")])
        assert shrunk.gate("champion", "challenger").passes


class TestCertificationIsNotRead:
    def test_what_certifies_is_left_out_whatever_it_says(self, tmp_path: Path) -> None:
        found = []
        for name, score in (("caught", 0.9), ("missed", 0.0)):
            rivals = Rivals(Stores(tmp_path / name))
            rivals.bundle("champion", scores(range(10)), rivals.see(rows([*GOOD, *BAD])))
            # Roles were dealt anew: the first defects certify today, the next did then.
            today = [*rows([*GOOD, *BAD[2:]]), *rows(BAD[:2], "certification")]
            ours = {key: value for key, value in scores().items() if key not in BAD[:2]}
            rivals.bundle("challenger", ours, rivals.see(today))
            rivals.measure("challenger", dict.fromkeys(BAD[:2], 16 * score - 8))
            rivals.certificate("champion", {BAD[2]: score, BAD[3]: score})
            mine = rivals.certificate("challenger", dict.fromkeys(BAD[:2], score))
            found.append(rivals.gate("champion", "challenger", mine))
        caught, missed = found
        assert caught.reasons == missed.reasons
        assert caught.passes
        assert missed.passes
        assert caught.defects == len(BAD) - 4
        assert f"Not compared: 4 images: {CERTIFYING}" in caught.reasons

    def test_without_a_contract_the_certificate_is_not_opened(self, rivals: Rivals) -> None:
        rivals.bundle("challenger", scores(), rivals.snapshots[0])
        certificate = rivals.certificate("challenger", {}, escape_upper=0.5)
        file = rivals.stores.registry.open("certificates", certificate.key) / "certificate.json"
        file.write_bytes(b"spoilt")
        # Its ids are read from another file: only that one must be whole.
        rivals.stores.objects.delete_folder(f"certificates/{certificate.key}")
        assert rivals.gate("champion", "challenger", certificate).passes

    @pytest.mark.parametrize(("upper", "passes"), [(0.019, True), (0.021, False)])
    def test_with_a_contract_the_bound_decides(
        self, rivals: Rivals, upper: float, passes: bool
    ) -> None:
        rivals.bundle("challenger", scores(), rivals.snapshots[0])
        certificate = rivals.certificate("challenger", {}, escape_upper=upper)
        gate = rivals.gate("champion", "challenger", certificate, escape_rate=0.02)
        assert gate.passes is passes
        assert rivals.gate(None, "challenger", certificate, escape_rate=0.02).passes is passes


def test_a_panel_with_two_flagged_boards_is_one_false_call(rivals: Rivals) -> None:
    panels = {GOOD[at]: f"panel:{at // 2}" for at in range(NORMALS)}
    snapshot = rivals.see(rows([*GOOD, *BAD], groups=panels))
    rivals.bundle("challenger", scores([0, 1, 2]), snapshot)
    gate = rivals.gate("champion", "challenger")
    assert gate.false_calls is not None
    assert (gate.false_calls.n, gate.false_calls.challenger) == (NORMALS // 2, 2)
    assert gate.false_calls.champion == 5


def test_the_first_bundle_has_nothing_to_beat(rivals: Rivals) -> None:
    gate = rivals.gate(None, "champion")
    assert gate.passes
    assert gate.defects is None


def test_a_champion_that_cannot_be_read_waits_for_a_person(rivals: Rivals) -> None:
    rivals.bundle("challenger", scores(), rivals.snapshots[0])
    registry = rivals.stores.registry
    registry.put("bundles", "older", {"bundle.json": b'{"line": "line"}'}, facts={"line": LINE})
    rivals.bundle("bereft", scores(), rivals.snapshots[0])
    rivals.stores.objects.delete_folder("classifiers/bereft")
    for champion, words in (("older", "another version"), ("bereft", "classifier of bereft")):
        gate = rivals.gate(champion, "challenger")
        assert not gate.passes
        assert "cannot be read, so nothing was compared" in gate.obstacles[0]
        assert words in gate.obstacles[0]
        assert gate.false_calls is None


def test_nothing_takes_the_place_of_a_suspended_champion_by_itself(rivals: Rivals) -> None:
    """It flags every board: whatever follows it passes some, and the boards have changed."""
    rivals.bundle("challenger", scores(), rivals.snapshots[0])
    ledger = rivals.stores.suspensions(LINE)
    at = "2026-02-03T02:00:00+00:00"
    ledger.append(SuspensionRecord("suspended", "champion", at, "drift", "Too bright.", 40))
    gate = rivals.gate("champion", "challenger")
    assert not gate.passes
    assert gate.obstacles == (SUSPENDED,)
    ledger.append(SuspensionRecord("lifted", "champion", at, "A. Ray", "new lamp", 40))
    assert rivals.gate("champion", "challenger").passes


def test_a_rollback_is_not_undone_by_the_next_night(rivals: Rivals) -> None:
    rivals.bundle("challenger", scores(), rivals.snapshots[0])
    assert rivals.gate("champion", "challenger").passes
    registry = rivals.stores.registry
    registry.promote(LINE, "champion")
    registry.promote(LINE, "challenger")
    told = {
        "how": "rollback",
        "by": "A. Ray",
        "why": "dust",
        "at": "2026-02-03",
        "from": "challenger",
    }
    registry.promote(LINE, "champion", {**told, "to": 1})
    gate = rivals.gate("champion", "challenger")
    assert not gate.passes
    assert "A. Ray rolled back from this very bundle on 2026-02-03 (dust)" in gate.obstacles[0]
    # A person who promotes it again has the last word.
    registry.promote(LINE, "challenger", {"how": "signed", "by": "B. Fox"})
    registry.promote(LINE, "champion", {"how": "signed", "by": "B. Fox"})
    assert rivals.gate("champion", "challenger").passes
