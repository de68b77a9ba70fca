"""A retrained line, opened again to ask its stores what the report does not say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.settings import LineSettings, load_settings
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.archive.roles import Role
from tasks.bundles import champion_bundle
from tasks.jobs import Measuring
from tasks.score_sheet import LABELS, Labelled, labelled
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class Learnt:
    """The champion of a line and the images that it was developed on."""

    settings: LineSettings
    stores: Stores
    snapshot: Snapshot
    measuring: Measuring

    @property
    def development(self) -> Labelled:
        """Images whose scores come from folds."""
        return labelled(self.snapshot, Role.DEVELOPMENT)

    @property
    def defects(self) -> tuple[str, ...]:
        """Ids of the abnormal development images."""
        images = self.development
        return tuple(
            one
            for one, label in zip(images.image_ids, images.labels, strict=True)
            if label == LABELS["abnormal"]
        )

    @property
    def names(self) -> dict[str, str]:
        """Path in the archive of every image."""
        return {row.image_id: row.source for row in self.snapshot.rows}


def opened(configuration: Path) -> Learnt:
    """Open what `zeroescape retrain` left for a configuration."""
    settings = load_settings(configuration)
    stores = Stores(settings.store)
    bundle = champion_bundle(stores, settings.line)
    snapshot = stores.snapshots(settings.line).latest()
    if snapshot is None:
        raise InputError(f"{settings.line} has no snapshot.", "Retrain it.")
    measuring = Measuring(
        bundle.instrument,
        settings.line,
        snapshot.images_fingerprint,
        bundle.features_fingerprint,
    )
    return Learnt(settings, stores, snapshot, measuring)
