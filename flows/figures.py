"""The figures of a finished run: for the terminal, for machines (`--json`), for Prefect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.ingests import IngestRecord
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.bundles import read_bundle
from tasks.jobs import Verdict
from tasks.score_sheet import ScoreSheet, labelled

if TYPE_CHECKING:  # it measures with torch; figures stay light
    from flows.promotion import PromotionFigures
    from flows.training import Training


@dataclass(frozen=True)
class RunFigures:
    """What a run found; `threshold_facts` are on development, `certificate` on held-out images.

    `set_by` is the file whose score is the threshold, `to_certify` counts images that came since the
    certificate and wait for the next one.
    """

    line: str
    threshold_facts: dict[str, Any]
    certificate: dict[str, Any]
    seconds: dict[str, float]
    fingerprints: dict[str, str]
    classifier: str
    set_by: str
    report: Path
    promotion: PromotionFigures | None = None
    training: Training | None = None
    to_certify: int = 0

    def sentences(self) -> tuple[str, ...]:
        """What was found, in words, each with its n."""
        certified, used = self.certificate, self.threshold_facts["in_use"]
        return (
            certified["sentence"],
            f"{certified['false_calls']} of {certified['n_normal']} held-out normals were flagged.",
            f"Threshold {self.threshold_facts['threshold']:.4g} on the score of "
            f"{self.classifier}, set by {self.set_by}, {self._which()} of {used['n_abnormal']} known "
            f"defects (out-of-fold), at which {used['false_calls']} of {used['n_normal']} development "
            "normals are flagged.",
            *self._price(),
            *self._renewal(),
            *((self.training.sentence(),) if self.training else ()),
            *(self.promotion.sentences() if self.promotion else ()),
        )

    def _which(self) -> str:
        """Which of the known defects sets the threshold: one that is not the hardest has a purpose."""
        facts = self.threshold_facts
        if facts["rank"] == 1:
            return "the hardest"
        return (
            f"number {facts['rank']} from the hardest (for at most "
            f"{100 * facts['escape_rate']:g} % escapes)"
        )

    def _renewal(self) -> tuple[str, ...]:
        if not self.to_certify:
            return ()
        return (
            f"The certificate stands: the {self.to_certify:,} images that came since wait for the next.",
        )

    def _price(self) -> tuple[str, ...]:
        """What zero escapes costs beyond the next steps of the ladder, where it costs anything."""
        first, *others = self.threshold_facts["ladder"]
        known = self.threshold_facts["zfn"]["n_abnormal"]
        spared = [
            f"{first['false_calls'] - step['false_calls']} fewer false calls if {step['misses']} "
            f"of {known} known defects may escape"
            for step in others
            if step["false_calls"] < first["false_calls"]
        ]
        return (f"What zero escapes costs here: {'; '.join(spared)}.",) if spared else ()

    def for_machines(self, total_seconds: float, peak_memory_mb: float) -> dict[str, Any]:
        """The JSON of `--json`: figures at STD and ZFN are out-of-fold on the development role."""
        standard, zfn = self.threshold_facts["standard"], self.threshold_facts["zfn"]
        certified = self.certificate
        return {
            "line": self.line,
            "classifier": self.classifier,
            "auroc": self.threshold_facts["auroc"],
            "std_accuracy": standard["accuracy"],
            "zfn_accuracy": zfn["accuracy"],
            "threshold": self.threshold_facts["threshold"],
            "n_normal": zfn["n_normal"],
            "n_abnormal": zfn["n_abnormal"],
            "fpr_at_fn": {
                f"{100 * step['escape_fraction']:g}": {
                    "fpr": step["false_call_rate"],
                    "low": step["low"],
                    "high": step["high"],
                    "misses": step["misses"],
                }
                for step in self.threshold_facts["ladder"]
            },
            "certification": {
                "n_normal": certified["n_normal"],
                "n_abnormal": certified["n_abnormal"],
                "escapes": certified["escapes"],
                "false_calls": certified["false_calls"],
                "escape_upper_95": certified["escape_upper_95"],
                "confidence": certified["confidence"],
                "looks": certified["looks"],
                "labels_changed": certified["labels_changed"],
                "warnings": certified["warnings"],
            },
            "seconds": {**self.seconds, "total": total_seconds},
            "peak_memory_mb": peak_memory_mb,
            "fingerprints": self.fingerprints,
            "report": str(self.report),
            "promotion": self.promotion.for_machines() if self.promotion else None,
            "to_certify": self.to_certify,
            "training": self.training.for_machines() if self.training else None,
        }


@dataclass(frozen=True)
class Run:
    """A finished retraining: its figures, and the same for machines."""

    figures: RunFigures
    machine_readable: dict[str, Any]


@dataclass(frozen=True)
class Inspection:
    """Finished verdicts and the folder that holds their overlays.

    `suspended` says why the champion's certificate does not hold now; None where it does.
    """

    verdicts: Sequence[Verdict]
    folder: Path
    seconds: float
    suspended: str | None = None

    @property
    def machine_readable(self) -> dict[str, Any]:
        """Counts and every verdict."""
        flagged = sum(1 for verdict in self.verdicts if verdict.verdict == "flagged")
        return {
            "n": len(self.verdicts),
            "flagged": flagged,
            "passed": len(self.verdicts) - flagged,
            "seconds": self.seconds,
            "suspended": self.suspended,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }


@dataclass(frozen=True)
class Intake:
    """A finished ingest: what became of every file, the roles, and the registration in words."""

    record: IngestRecord
    roles: list[dict[str, Any]]
    alignment: list[str]
    stage_seconds: dict[str, float]
    total_seconds: float = 0.0

    @property
    def warnings(self) -> list[str]:
        """What a person should know about the roles and the labels."""
        record, said = self.record, []
        if record.torn_groups:
            said.append(
                f"{record.torn_groups} groups of boards (panel, lot, serial or near-duplicates) serve "
                "several roles: what ties them together came after the roles were given."
            )
        if record.relabelled:
            said.append(
                f"{record.relabelled} images have another label than the archive gives them; "
                "`zeroescape labels` lists who changed them and why."
            )
        return [*said, *record.waiting]

    @property
    def machine_readable(self) -> dict[str, Any]:
        """Counts that add up, roles, time."""
        seconds = {**self.stage_seconds, "total": self.total_seconds}
        return {**asdict(self.record), "roles": self.roles, "seconds": seconds}


def run_figures(
    stores: Stores,
    snapshot: Snapshot,
    bundle: Receipt,
    certificate: Receipt,
    seconds: dict[str, float],
    report: Path,
) -> RunFigures:
    """Collect what the registry holds of a finished run."""
    parts = read_bundle(stores, bundle.key)
    thresholds = stores.registry.open("thresholds", parts.threshold_key)
    threshold_facts = _json(thresholds / "threshold.json")
    names = {row.image_id: row.source for row in snapshot.rows}
    classifier = stores.registry.find("classifiers", parts.classifier)
    return RunFigures(
        line=parts.line,
        threshold_facts=threshold_facts,
        certificate=_json(
            stores.registry.open("certificates", certificate.key) / "certificate.json"
        ),
        seconds=dict(seconds),
        fingerprints={
            "features": parts.features_fingerprint,
            "model": parts.instrument.model_key,
            "mask": parts.instrument.mask_key or "none",
            "scales": parts.instrument.scales_key or "none",
            "memory": parts.instrument.memory_key or "none",
            "classifier": parts.classifier,
            "threshold": parts.threshold_key,
            "bundle": bundle.key,
            "certificate": certificate.key,
        },
        classifier=str(classifier.facts["chosen"]) if classifier else "",
        set_by=names[threshold_facts["set_by"][-1]],
        report=report,
        to_certify=_since(snapshot, stores, certificate),
    )


def _since(snapshot: Snapshot, stores: Stores, certificate: Receipt) -> int:
    """Images of the certification role that the certificate is not made of."""
    folder = stores.registry.open("certificates", certificate.key)
    certified = ScoreSheet.from_json((folder / "scores.json").read_bytes()).images.image_ids
    return len(set(labelled(snapshot, Role.CERTIFICATION).image_ids) - set(certified))


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content
