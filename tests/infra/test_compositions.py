"""What the YAML files of infra/ promise: nothing beyond this machine, nothing without a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import deployed
from flows.settings import load_settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PREFECT: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "prefect.yaml").read_text())


def test_what_is_published_is_published_on_loopback() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) >= 3
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_the_server_is_behind_the_password_that_its_clients_have() -> None:
    server = SERVICES["server"]["environment"]["PREFECT_SERVER_API_AUTH_STRING"]
    client = SERVICES["worker"]["environment"]["PREFECT_API_AUTH_STRING"]
    assert server.startswith("admin:${PREFECT_PASSWORD:?")
    assert client.startswith("admin:${PREFECT_PASSWORD:?")


def test_no_password_is_written_down_and_the_example_names_all() -> None:
    text = (ROOT / "infra" / "compose.yaml").read_text()
    example = (ROOT / "infra" / "environment.example").read_text()
    named = {line.partition("=")[0] for line in example.splitlines() if "=" in line}
    used = {word.partition(":?")[0] for word in text.split("${")[1:]}
    assert used == named


@pytest.mark.parametrize("service", SERVICES)
def test_dependencies_and_volumes_exist(service: str) -> None:
    described = SERVICES[service]
    assert set(described.get("depends_on", [])) <= set(SERVICES)
    for volume in described.get("volumes", []):
        assert volume.partition(":")[0] in COMPOSE["volumes"]


def test_runs_and_dask_workers_see_the_same_store() -> None:
    assert SERVICES["worker"]["volumes"] == SERVICES["dask-worker"]["volumes"]
    assert COMPOSE["volumes"].keys() == {"database", "plant", "archive"}


@pytest.mark.parametrize("deployment", PREFECT["deployments"], ids=lambda one: one["entrypoint"])
def test_a_deployment_names_a_flow_and_a_line_that_exist(deployment: dict[str, Any]) -> None:
    file, _, name = deployment["entrypoint"].partition(":")
    assert (ROOT / file).resolve() == Path(deployed.__file__).resolve()
    flow = getattr(deployed, name)
    assert set(deployment["parameters"]) <= set(flow.parameters.properties)
    settings = load_settings(ROOT / deployment["parameters"]["config"])
    assert deployment["name"] == settings.line
    assert {"zeroescape", settings.line} <= set(deployment["tags"])


def test_a_nightly_of_a_line_has_one_slot() -> None:
    nightlies = [one for one in PREFECT["deployments"] if one["entrypoint"].endswith(":nightly")]
    assert nightlies
    for one in nightlies:
        assert one["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
        assert one["schedules"][0]["timezone"] == one["parameters"]["timezone"]
