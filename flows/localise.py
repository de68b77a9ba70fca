"""The localisation flow: whether the champion of a line points at the defects that are known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefect import flow

from flows import plan
from flows.artifacts import ArtifactProgress
from flows.cluster import workers_of
from flows.dead_runs import begun
from flows.run_names import named
from flows.settings import load_settings
from storage.stores import Stores
from tasks.bundles import champion_bundle
from tasks.jobs import Measuring
from tasks.localisation.hits import Rule
from tasks.localisation.judging import HitRow, Localisation
from tasks.localisation.places import WORST
from tasks.localise import LocalisationFigures, LocalisationOrder, localise
from tasks.progress import listening
from tasks.vocabulary.errors import InputError

_WORDS = {
    Rule.TOUCH: "touches",
    Rule.CENTRE: "is centred on",
    Rule.IOU: "overlaps by a tenth (IoU)",
}


@flow(
    name="localise", flow_run_name=named("localise"), validate_parameters=False, on_running=[begun]
)
def localise_line(config: Path, truth: str | None = None) -> Localised:
    """Judge the champion's localisation on the boards of development and certification.

    `truth` is a path or URL; None: where the archive keeps it. Raises `InputError` for a truth that cannot
    be read or belongs to other photographs, `NotFoundError` where the line has no champion, and
    `InputError` where it was certified with other code or other board images than today's.
    """
    settings = load_settings(config)
    stores = Stores(settings.store)
    bundle = champion_bundle(stores, settings.line)
    plan.refuse_other_code(bundle)
    snapshot = stores.snapshots(settings.line).latest()
    if snapshot is None:
        raise InputError(f"{settings.line} has no snapshot.", "Run `zeroescape retrain`.")
    measuring = Measuring(
        bundle.instrument, settings.line, snapshot.images_fingerprint, bundle.features_fingerprint
    )
    order = LocalisationOrder(measuring, settings.source, bundle.photograph, truth)
    with (
        stores.in_use(),
        workers_of(settings.dask) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        return Localised(localise(stores, order, snapshot, workers))


@dataclass(frozen=True)
class Localised:
    """The figures in words and for machines."""

    figures: LocalisationFigures

    @property
    def machine_readable(self) -> dict[str, Any]:
        """All hit rates by rule and kind, AU-PRO and pixel AUROC: by place, with and without the mask."""
        return asdict(self.figures)

    def sentences(self) -> tuple[str, ...]:
        """What was found, each with its n."""
        found = self.figures
        best, by_place = found.used, found.places is not None
        said = [
            f"{best.defects} known defects on {found.abnormal} abnormal boards of {found.line}; "
            f"{found.normal} normal boards beside them.",
            *(_hit_sentence(row, by_place) for row in best.hits if row.rule is Rule.TOUCH),
            *_kinds(best),
            *_areas("By place", found.places),
            *_areas("With the mask", found.masked),
            *_areas("Without a mask", found.plain),
        ]
        if found.without_truth:
            said.append(f"{found.without_truth} abnormal boards have no truth and are left out.")
        if found.unmeasured:
            said.append(f"{found.unmeasured} boards have no answer; their defects count as missed.")
        return tuple(said)


def _hit_sentence(row: HitRow, by_place: bool) -> str:
    rate = row.rate
    what, worst = row.what, row.worst
    if by_place and what == "candidates":
        what, worst = "places", min(worst, WORST)
    which = f"One of the {worst} worst {what}" if worst > 1 else f"The worst {what[:-1]}"
    chance = "" if rate.by_chance is None else f"; by chance {rate.by_chance:.0%}"
    share = rate.found / rate.n if rate.n else 0.0
    return (
        f"{which} {_WORDS[row.rule]} {rate.found} of {rate.n} defects ({share:.0%}, "
        f"{rate.low:.0%} to {rate.high:.0%} at 95 %{chance})."
    )


def _kinds(judged: Localisation) -> list[str]:
    """Hit rate of each kind, for the widest look at regions."""
    rows = [row for row in judged.hits if row.what == "regions" and row.rule is Rule.TOUCH]
    widest = max(rows, key=lambda row: row.worst)
    counted = [f"{kind} {hit} of {n}" for kind, (hit, n) in widest.rate.by_kind.items()]
    return [f"By kind ({widest.worst} worst regions): {', '.join(counted)}."]


def _areas(name: str, judged: Localisation | None) -> list[str]:
    """What one road's regions and heat map are worth, a line each road."""
    if judged is None or judged.au_pro is None or judged.pixel_auroc is None:
        return []
    return [
        f"{name}: {_touched(judged)}; heat map AU-PRO {judged.au_pro:.3f} (false-positive rate up "
        f"to {judged.limit:g}, {judged.pro_regions} regions; chance {judged.limit / 2:g}), "
        f"pixel AUROC {judged.pixel_auroc:.3f}."
    ]


def _touched(judged: Localisation) -> str:
    rows = [row for row in judged.hits if row.what == "regions" and row.rule is Rule.TOUCH]
    counted = ", ".join(f"the {row.worst} worst {row.rate.found}" for row in rows if row.worst > 1)
    return f"the worst region touches {rows[0].rate.found} of {judged.defects} defects, {counted}"
