"""Automations that `serve` and `deploy` make: dead runs are marked, and a person is told of red ones.

| automation | when | what |
| --- | --- | --- |
| zeroescape: dead run | a run that sent heartbeats sends none for 90 s and has not ended | Crashed |
| zeroescape: stuck start | a run is handed to a worker, and 10 min later it has not begun | Crashed |
| zeroescape: red run | a run failed or crashed, or `flows.events.LIGHT_RED` was sent | notification |

An automation that is there already stays as a person left it; only a notification block that is named anew
is put in.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from prefect.automations import (
    Automation,
    ChangeFlowRunState,
    DoNothing,
    EventTrigger,
    Posture,
    SendNotification,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from flows.events import LIGHT_RED
from tasks.vocabulary.errors import InputError

DEAD, STUCK, RED = "zeroescape: dead run", "zeroescape: stuck start", "zeroescape: red run"
_SILENT_FOR = timedelta(seconds=90)
_START_WITHIN = timedelta(minutes=10)
# Events are called by the name of the state, and a run may end under each of these.
_ENDED = frozenset(
    f"prefect.flow-run.{state}"
    for state in (
        *("Completed", "Skipped", "Failed", "TimedOut", "Cancelled", "Crashed"),
        *("Green", "Yellow", "Red"),
    )
)
_BEGUN = frozenset(
    f"prefect.flow-run.{state}"
    for state in ("Running", "heartbeat", "AwaitingConcurrencySlot", "AwaitingRetry", "Scheduled")
)
_ANY_RUN = {"prefect.resource.id": "prefect.flow-run.*"}
_OURS = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.zeroescape"}
_SUBJECT = "zeroescape: {{ flow_run.name | default('red light') }}"
_BODY = """{{ event.event }} at {{ event.occurred }}
{% if flow_run %}{{ flow_run.name }}: {{ flow_run.state.name }}
{{ flow_run.state.message }}
{{ flow_run | ui_url or '' }}{% else %}{{ event.payload }}{% endif %}
"""


def make_automations(block: str | None) -> list[str]:
    """Make what is missing and name it; `block` is '<type>/<name>' of a notification block.

    Raises `InputError` where that block does not exist.
    """
    teller = None if block is None else _block_id(block)
    made = []
    for automation in (_dead_run(), _stuck_start(), _red_run(teller)):
        found = _found(automation.name)
        if found is None:
            automation.create()
            made.append(automation.name)
        elif automation.name == RED and teller is not None:
            found.actions, found.enabled = list(automation.actions), True
            found.update()
    return made


def _dead_run() -> Automation:
    return Automation(
        name=DEAD,
        description="A run whose process or machine died is marked, so that it holds nothing up.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=_ANY_RUN,
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *_ENDED},
            within=_SILENT_FOR,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message="No heartbeat for 90 s: its process is gone. Run it again; it goes on.",
            )
        ],
    )


def _stuck_start() -> Automation:
    return Automation(
        name=STUCK,
        description="A run that was handed to a worker and never began is marked.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=_ANY_RUN,
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.Submitting", "prefect.flow-run.Pending"},
            expect={*_BEGUN, *_ENDED},
            within=_START_WITHIN,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message="It never began: the worker that took it is gone."
            )
        ],
    )


def _red_run(block_id: UUID | None) -> Automation:
    """Without a block nobody can be told: the automation waits, switched off, for one."""
    told = SendNotification(block_document_id=block_id or UUID(int=0), subject=_SUBJECT, body=_BODY)
    return Automation(
        name=RED,
        description="A person is told of failed and crashed runs and of lights that turn red.",
        enabled=block_id is not None,
        trigger=EventTrigger(
            posture=Posture.Reactive,
            match_related=_OURS,
            expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", LIGHT_RED},
            for_each={"prefect.resource.id"},
            threshold=1,
        ),
        actions=[told if block_id is not None else DoNothing()],
    )


def _found(name: str) -> Automation | None:
    with get_client(sync_client=True) as client:
        named = client.read_automations_by_name(name=name)
    return Automation(**named[0].model_dump()) if named else None


def _block_id(block: str) -> UUID:
    kind, _, name = block.partition("/")
    with get_client(sync_client=True) as client:
        try:
            return client.read_block_document_by_name(name, block_type_slug=kind).id
        except ObjectNotFound as error:
            raise InputError(
                f"There is no notification block {block!r}.",
                "Make it in the Prefect UI (Blocks), and name it like custom-webhook/plant-7.",
            ) from error


__all__ = ["DEAD", "RED", "STUCK", "make_automations"]
