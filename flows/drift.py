"""The drift flow: a line's light, the suspension of its certificate on red, and who is told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger

from flows.artifacts import publish_drift
from flows.dead_runs import begun
from flows.events import CERTIFICATE_SUSPENDED, DRIFT_RED, LIGHT_RED, tell
from flows.run_names import named
from flows.settings import load_settings
from storage.stores import Stores
from storage.suspensions import SuspensionRecord
from tasks.bundles import champion_key, read_bundle
from tasks.drift.light import Light
from tasks.drift.picture import drift_png
from tasks.ingest import board_image_fingerprint
from tasks.jobs import Bundle
from tasks.vocabulary.errors import InputError
from tasks.watch import lift, suspend_if_red, watch


@dataclass(frozen=True)
class LineLight:
    """The light of a line's champion, and the suspension that holds now."""

    line: str
    bundle: str
    light: Light
    suspension: SuspensionRecord | None
    picture_png: bytes
    limited: bool

    @property
    def machine_readable(self) -> dict[str, Any]:
        """The JSON of `--json`."""
        return {
            "line": self.line,
            "bundle": self.bundle,
            "light": self.light.colour,
            "boards": self.light.boards,
            "level": self.light.level,
            "findings": [asdict(found) for found in self.light.findings],
            "suspended": asdict(self.suspension) if self.suspension else None,
            "suspends": not self.limited,
        }

    def sentences(self) -> tuple[str, ...]:
        """All findings in words, the worst first."""
        said = [f"{found.colour}: {found.sentence}" for found in self.light.findings]
        if self.suspension is not None:
            said.insert(0, self.suspension.sentence)
        if self.limited:
            said.append(
                "Asked of a part of the boards: who chooses where to begin after a look has no promise, "
                "so nothing is suspended."
            )
        else:
            said.append(
                f"A line that stays as it was turns red with a chance of {100 * self.light.level:g} % at "
                "most, over all quantities and however often this is asked."
            )
        return tuple(said)


@flow(name="drift", flow_run_name=named("drift"), validate_parameters=False, on_running=[begun])
def drift(config: Path, since: datetime | None = None) -> LineLight:
    """Hold what the champion inspected against what it was certified on; red suspends its certificate.

    With `since` only boards from then on are judged, and nothing is suspended. Raises `NotFoundError`
    where the line has no champion yet.
    """
    settings = load_settings(Path(config))
    stores, now = Stores(settings.store), datetime.now(UTC)
    key = champion_key(stores, settings.line)
    images = _images_of(read_bundle(stores, key))
    light = watch(stores, key, images, settings.drift, now, since)
    at = now.isoformat(timespec="seconds")
    fresh = since is None and suspend_if_red(stores, settings.line, key, light, at)
    found = LineLight(
        settings.line,
        key,
        light,
        stores.suspensions(settings.line).suspended(key),
        drift_png(light.watched),
        limited=since is not None,
    )
    publish_drift(found.line, light.colour, found.sentences(), found.picture_png)
    get_run_logger().info("%s: %s. %s", found.line, light.colour, light.reason)
    if fresh:
        _tell(found)
    return found


def lift_suspension(config: Path, by: str, why: str) -> SuspensionRecord:
    """A person puts the champion's certificate in force again; returns what was suspended.

    Raises `InputError` without a name or a reason, and where nothing is suspended.
    """
    if not by.strip() or not why.strip():
        raise InputError("A lift names nobody or no reason.", "Give --by and --why.")
    settings = load_settings(config)
    stores = Stores(settings.store)
    key = champion_key(stores, settings.line)
    held = stores.suspensions(settings.line).suspended(key)
    if held is None:
        raise InputError(
            f"The certificate of {settings.line} is not suspended.", "There is nothing to lift."
        )
    at = datetime.now(UTC).isoformat(timespec="seconds")
    lift.fn(stores, settings.line, key, by.strip(), why.strip(), at)
    return held


def _images_of(bundle: Bundle) -> str:
    return board_image_fingerprint(bundle.photograph, bundle.alignment, bundle.reference)


def _tell(found: LineLight) -> None:
    """Events that automations listen to: see `flows.events`."""
    payload = {"light": "red", "reason": found.light.reason, "bundle": found.bundle}
    for event in (DRIFT_RED, LIGHT_RED):
        tell(event, found.line, payload)
    remedy = (
        "`zeroescape drift CONFIG --lift --by NAME --why REASON`, or sign for a new champion with "
        "`zeroescape promote`."
    )
    tell(
        CERTIFICATE_SUSPENDED,
        found.line,
        {"reason": found.light.reason, "bundle": found.bundle, "remedy": remedy},
    )
