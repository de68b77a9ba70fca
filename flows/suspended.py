"""What a suspended certificate means for whoever inspects with it or quotes it."""

from __future__ import annotations

from pathlib import Path

from flows.settings import load_settings
from storage.stores import Stores
from storage.suspensions import SuspensionRecord
from tasks.bundles import champion_key


def passes_none(held: SuspensionRecord | None, on_red: str) -> str | None:
    """Why nothing may pass while the certificate is suspended; None where the threshold decides."""
    if held is None or on_red == "warn":
        return None
    when = (held.alarm_at or held.at)[:16].replace("T", " ")
    return f"Every board is flagged: the escape certificate is suspended since {when}."


def suspended_words(config: Path) -> str | None:
    """What whoever inspects with the champion must be told; None where its certificate stands."""
    settings = load_settings(config)
    stores = Stores(settings.store)
    held = stores.suspensions(settings.line).suspended(champion_key(stores, settings.line))
    return None if held is None else certificate_words(held)


def certificate_words(held: SuspensionRecord) -> str:
    """The suspension, and who can end it."""
    sentence = held.sentence[:1].lower() + held.sentence[1:]
    return (
        f"The escape certificate is {sentence} It stands again when a person "
        "lifts it (`zeroescape drift CONFIG --lift --by NAME --why REASON`) or signs for a new champion "
        "(`zeroescape promote`)."
    )
