"""One night and one day of the plant: what is started as a plant starts it, and what came of it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from flows.champions import rolled_back, signed_off
from flows.drift import drift
from flows.inspect import inspect
from storage.receipts import Receipt
from storage.stores import Stores
from tasks.bundles import read_bundle
from tasks.gates import newest_gate, read_gate
from tests.month.plant import PlantLine
from tests.product_line import LINE, receipts

_STAGE_ENDED = re.compile(r"^([\w -]+) ended after ([\d.]+) s$")
_LAST_STAGE = "report"
# Logs reach the server a little after the run.
_LOG_SECONDS = 30.0
# A page of Prefect's API.
_LOGS_AT_ONCE = 200


def run_night(line: PlantLine, night: int, before: dict[str, Any] | None) -> dict[str, Any]:
    """Start the deployed nightly and wait for it; returns the record of the night.

    `before` is the record of the night before. `seconds` are those of the flow; what a process takes to
    start is told apart. Raises `AssertionError` where the run did not complete.
    """
    models = receipts(line.store, "models")
    promotions = len(line.stores.registry.history(LINE))
    run: Any = run_deployment(f"nightly/{LINE}", poll_interval=1, as_subflow=False)
    assert isinstance(run, FlowRun)
    assert run.start_time is not None
    assert run.end_time is not None
    assert run.state is not None
    assert run.state.name == "Completed", f"night {night}: {run.state}"
    assert run.created is not None
    seconds = (run.end_time - run.start_time).total_seconds()
    came = _intake(line, before)
    return {
        "night": night,
        "seconds": round(seconds, 2),
        "until_started_seconds": round((run.start_time - run.created).total_seconds(), 2),
        "stages": _stages(run),
        **came,
        "trained": len(receipts(line.store, "models") - models) > 0,
        **_promotion(line.stores, promotions),
        "certificate": _certificate(line.stores),
    }


def _is_suspended(stores: Stores) -> bool:
    champion = stores.registry.champion(LINE)
    return champion is not None and stores.suspensions(LINE).suspended(champion) is not None


def run_day(line: PlantLine, day: int, out: Path) -> dict[str, Any]:
    """A person may roll back; the champion inspects the day's boards; the light; then delivery."""
    said = list(line.calendar.events(day))
    if day == line.calendar.rollback_day and _last_promotion(line.stores) != "rollback":
        done = rolled_back(line.config, None, "A. Ray", "flags what operators call good")
        said += [done.sentences[0]]
    if day == line.calendar.lamp_day and _is_suspended(line.stores):
        done = signed_off(line.config, None, "A. Ray", "a new lamp; its first boards looked at")
        said += [done.sentences[0]]
    folder = line.produced(day)
    begin = time.perf_counter()
    verdicts = inspect(line.config, [folder], out / f"day-{day:02}")
    seconds = time.perf_counter() - begin
    seen = drift(line.config)
    line.deliver(day)
    defects = [one for one in verdicts if Path(one.file).parent.name == "abnormal"]
    flagged = sum(one.verdict == "flagged" for one in verdicts)
    escapes = sum(one.verdict == "passed" for one in defects)
    return {
        "events": said,
        "boards": len(verdicts),
        "flagged": flagged,
        "defects": len(defects),
        "escapes": escapes,
        "inspect_seconds": round(seconds, 2),
        "champion": _champion_number(line.stores),
        "light": seen.light.colour,
        "reason": seen.light.reason,
        "suspended": seen.suspension is not None,
    }


def _stages(run: FlowRun) -> dict[str, float]:
    """Seconds of each stage, from the log that the flow writes for persons."""
    question = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    end = time.monotonic() + _LOG_SECONDS
    while True:
        stages: dict[str, float] = {}
        with get_client(sync_client=True) as client:
            for log in client.read_logs(question, limit=_LOGS_AT_ONCE):
                if found := _STAGE_ENDED.match(log.message):
                    stages[found[1]] = float(found[2])
        if _LAST_STAGE in stages or time.monotonic() > end:
            return stages
        time.sleep(0.5)


def _intake(line: PlantLine, before: dict[str, Any] | None) -> dict[str, Any]:
    """What the night found in the archive, and why it learnt, if it did."""
    record = line.stores.ingests(LINE).last()
    assert record is not None
    return {
        "files": record.seen,
        "images": record.ingested,
        "new_images": record.ingested - (before["images"] if before else 0),
        "quarantined": sum(record.quarantined.values()),
        "quarantine": dict(record.quarantined),
        "waiting": record.to_learn,
        "why_learnt": list(record.learning) if before else ["first night"],
    }


def _promotion(stores: Stores, promotions: int) -> dict[str, Any]:
    """What became of the night's bundle, and which champion the line runs on."""
    history, champion = stores.registry.history(LINE), stores.registry.champion(LINE)
    bundle = str(_newest_certificate(stores).facts["bundle"])
    obstacles: list[str] = []
    if len(history) > promotions:
        outcome = "first" if len(history) == 1 else "promoted"
    elif bundle == champion:
        outcome = "unchanged"
    else:
        outcome = "kept back"
        gate = newest_gate(stores, LINE, champion, bundle)
        obstacles = list(read_gate(stores, gate.key).obstacles) if gate else []
    return {
        "promotion": outcome,
        "obstacles": obstacles,
        "champion": _champion_number(stores),
        "bundle": bundle[:12],
        "threshold": read_bundle(stores, bundle).threshold,
    }


def _champion_number(stores: Stores) -> int:
    """Number of the promotion that first brought the present champion: the same bundle, the same number."""
    history = stores.registry.history(LINE)
    return next(one.number for one in history if one.bundle == history[-1].bundle)


def _last_promotion(stores: Stores) -> str:
    return str(stores.registry.history(LINE)[-1].facts.get("how"))


def _newest_certificate(stores: Stores) -> Receipt:
    certificates = stores.registry.receipts("certificates")
    return max(certificates, key=lambda one: str(one.facts["at"]))


def _certificate(stores: Stores) -> dict[str, Any]:
    """Of the night's own bundle, which is the champion's unless the gate kept it back."""
    key = _newest_certificate(stores).key
    content = (stores.registry.open("certificates", key) / "certificate.json").read_bytes()
    found = json.loads(content)
    named = ("n_normal", "n_abnormal", "escapes", "false_calls", "escape_upper_95", "looks")
    return {name: found[name] for name in named}
