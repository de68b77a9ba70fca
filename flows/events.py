"""Events of product lines in Prefect: what automations listen to, beside the states of runs.

| event | when | payload |
| --- | --- | --- |
| zeroescape.champion.promoted | another bundle inspects from now on | number, bundle, by, why |
| zeroescape.challenger.kept-back | the gate stays shut, in every run that tries | bundle, why, lost |
| zeroescape.images.quarantined | an ingest sets files aside that were not before | new, waiting, first |
| zeroescape.certificate.suspended | the light of a line turns red | reason, bundle, remedy |
| zeroescape.drift.red | the same, because its boards have changed | light, reason, bundle |
| zeroescape.light.red | the same, whatever the cause will ever be | light, reason, bundle |

Their resource is `zeroescape.line.<line>`. All are related to the tag `zeroescape`, those from within a run
to that run, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.events import emit_event

CHAMPION_PROMOTED = "zeroescape.champion.promoted"
CHALLENGER_KEPT_BACK = "zeroescape.challenger.kept-back"
IMAGES_QUARANTINED = "zeroescape.images.quarantined"
CERTIFICATE_SUSPENDED = "zeroescape.certificate.suspended"
DRIFT_RED = "zeroescape.drift.red"
LIGHT_RED = "zeroescape.light.red"
_TAG = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.zeroescape"}


def tell(event: str, line: str, payload: Mapping[str, Any]) -> None:
    """Send one event of a line; where no server takes events, nothing is sent and nothing fails."""
    resource = {
        "prefect.resource.id": f"zeroescape.line.{line}",
        "prefect.resource.name": line,
        "zeroescape.line": line,
    }
    emit_event(event, resource=resource, related=[_TAG], payload=dict(payload))
