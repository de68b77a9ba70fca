"""What `serve` and `deploy` bring to Prefect: lines beside each other, none of them twice at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment

from flows.cluster import workers_of
from flows.deployments import Plan, deployments_of
from flows.settings import DaskSettings
from tasks.vocabulary.errors import InputError
from tests.flows.test_settings import SMALLEST

PLAN = Plan("0 2 * * *", "Europe/Berlin", catch_up=False)


def config_of(folder: Path, line: str, **changes: Any) -> Path:
    place = folder / f"{line}.yaml"
    place.write_text(yaml.safe_dump(SMALLEST | {"line": line} | changes))
    return place


def found_in(folder: Path, plan: Plan, pool: str | None = None) -> dict[str, RunnerDeployment]:
    configs = [config_of(folder, "top"), config_of(folder, "bottom")]
    return {one.full_name: one for one in deployments_of(configs, plan, pool)}


def test_every_line_has_a_nightly_a_light_an_inspection_and_a_backfill(tmp_path: Path) -> None:
    found = found_in(tmp_path, PLAN)
    kinds = ("nightly", "drift", "inspect", "backfill")
    assert set(found) == {f"{kind}/{line}" for kind in kinds for line in ("top", "bottom")}
    config = str(tmp_path / "top.yaml")
    assert {found[f"{kind}/top"].parameters["config"] for kind in kinds} == {config}
    assert found["nightly/top"].tags == ["zeroescape", "top", "nightly"]
    for kind in ("drift", "inspect", "backfill"):
        assert found[f"{kind}/top"].tags == ["zeroescape", "top", kind, "on-demand"]
        assert not found[f"{kind}/top"].schedules


def test_a_backfill_takes_its_options_from_whoever_starts_it(tmp_path: Path) -> None:
    backfill = found_in(tmp_path, PLAN)["backfill/top"]
    asked = backfill._parameter_openapi_schema.properties
    options = {"since", "until", "model", "where", "images_per_second", "at_most_workers"}
    assert asked.keys() == {"config", *options}
    assert backfill.concurrency_limit == 1


def test_lights_are_looked_at_by_a_clock_of_their_own(tmp_path: Path) -> None:
    drift = found_in(tmp_path, replace(PLAN, drift_cron="*/30 * * * *"))["drift/top"]
    assert drift.tags == ["zeroescape", "top", "drift"]
    assert drift.schedules is not None
    clock = drift.schedules[0].schedule
    assert isinstance(clock, CronSchedule)
    assert (clock.cron, clock.timezone) == ("*/30 * * * *", "Europe/Berlin")
    assert drift.concurrency_options is not None
    assert drift.concurrency_options.collision_strategy.value == "CANCEL_NEW"


def test_a_nightly_has_one_slot_and_a_clock_with_its_zone(tmp_path: Path) -> None:
    nightly = found_in(tmp_path, PLAN)["nightly/top"]
    assert nightly.concurrency_limit == 1
    assert nightly.concurrency_options is not None
    assert nightly.concurrency_options.collision_strategy.value == "ENQUEUE"
    assert nightly.schedules is not None
    clock = nightly.schedules[0].schedule
    assert isinstance(clock, CronSchedule)
    assert (clock.cron, clock.timezone) == ("0 2 * * *", "Europe/Berlin")


def test_a_worker_runs_where_the_line_was_deployed_and_sends_heartbeats(tmp_path: Path) -> None:
    nightly = found_in(tmp_path, PLAN, "pool")["nightly/top"]
    assert nightly.work_pool_name == "pool"
    assert nightly.job_variables["working_dir"] == str(Path.cwd())
    assert nightly.job_variables["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan("at two", "UTC", catch_up=False), "no cron schedule"),
        (replace(PLAN, drift_cron="hourly, please"), "no cron schedule"),
        (Plan("0 2 * * *", "Europe/Bern-Ost", catch_up=False), "no time zone"),
        (Plan("0 2 * * *", "../etc", catch_up=False), "no time zone"),
    ],
)
def test_a_plan_that_no_clock_knows_is_refused(tmp_path: Path, plan: Plan, told: str) -> None:
    with pytest.raises(InputError, match=told):
        deployments_of([config_of(tmp_path, "top")], plan)


def test_a_line_with_two_configurations_is_refused(tmp_path: Path) -> None:
    first = config_of(tmp_path, "top")
    second = tmp_path / "again.yaml"
    second.write_text(first.read_text())
    with pytest.raises(InputError, match="Two configurations are of the line top"):
        deployments_of([first, second], PLAN)


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "tls://dask:8786"},
        {"address": "tls://dask:8786", "tls_ca": "ca.pem", "tls_cert": "dask.pem"},
        {"address": "tcp://dask:8786", "tls_ca": "c", "tls_cert": "d", "tls_key": "k"},
        {"tls_ca": "c", "tls_cert": "d", "tls_key": "k"},
    ],
)
def test_dask_is_encrypted_wholly_or_not_at_all(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"tls_ca|tls://"):
        DaskSettings.model_validate(changes)


def test_certificates_reach_the_workers() -> None:
    settings = DaskSettings.model_validate(
        {"address": "tls://dask:8786", "tls_ca": "c", "tls_cert": "d", "tls_key": "k"}
    )
    tls = workers_of(settings).tls
    assert tls is not None
    assert tls.security().require_encryption
    assert tls.security().tls_client_key == str(Path("k").absolute())  # type: ignore[attr-defined]
    assert workers_of(DaskSettings()).tls is None
