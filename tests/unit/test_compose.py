"""What deployments/compose.yaml promises, as far as that can be told without containers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deployments" / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
_ASKS = """
import json, sys
from prefect.settings import get_current_settings
from prefect_redis.client import RedisMessagingSettings
told = get_current_settings().to_environment_variables(exclude_unset=True)
told["PREFECT_REDIS_MESSAGING_HOST"] = RedisMessagingSettings().host
told["PREFECT_REDIS_MESSAGING_PORT"] = str(RedisMessagingSettings().port)
told["PREFECT_REDIS_MESSAGING_PASSWORD"] = RedisMessagingSettings().password
print(json.dumps(told))
"""


def environments() -> dict[str, str]:
    return {name: str(value) for each in SERVICES.values() for name, value in each.get("environment", {}).items()}


def test_every_variable_is_one_that_prefect_reads(tmp_path: Path) -> None:
    told = {name: value for name, value in environments().items() if name.startswith("PREFECT_")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **told}
    done = subprocess.run([sys.executable, "-c", _ASKS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    known = set(yaml.safe_load(done.stdout.splitlines()[-1]))
    renamed = {
        "PREFECT_API_DATABASE_CONNECTION_URL": "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        "PREFECT_API_DATABASE_MIGRATE_ON_START": "PREFECT_SERVER_DATABASE_MIGRATE_ON_START",
        "PREFECT_MESSAGING_BROKER": "PREFECT_SERVER_EVENTS_MESSAGING_BROKER",
        "PREFECT_MESSAGING_CACHE": "PREFECT_SERVER_EVENTS_MESSAGING_CACHE",
        "PREFECT_LOCAL_STORAGE_PATH": "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
    }
    read_elsewhere = {"PREFECT_SERVER_ENCRYPTION_KEY"}  # prefect.server.utilities.encryption
    unknown = {name for name in told if name not in known and renamed.get(name) not in known} - read_elsewhere
    assert not unknown


def test_no_secret_has_a_default() -> None:
    for name, value in environments().items():
        if any(word in name for word in ("PASSWORD", "AUTH", "ENCRYPTION_KEY")):
            assert value.startswith("${") and ":?" in value, name
        if "://" in value and "@" in value:
            assert ":${" in value and ":?" in value, name


def test_only_the_server_is_reached_from_outside_and_only_from_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"server": ["127.0.0.1:4200:4200"]}


def test_everything_that_is_waited_for_tells_when_it_is_ready() -> None:
    for service in SERVICES.values():
        for name, awaited in service.get("depends_on", {}).items():
            assert awaited["condition"] == "service_completed_successfully" or "healthcheck" in SERVICES[name]


def test_every_file_that_is_named_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (ROOT / "deployments" / source).exists()
    build = yaml.safe_load(TEXT)["x-nightwork"]["build"]
    assert (ROOT / "deployments" / build["context"] / build["dockerfile"]).exists()
    kept = (ROOT / "deployments" / "Dockerfile.dockerignore").read_text().splitlines()
    for line in kept:
        assert not line.startswith("!") or (ROOT / line[1:]).exists(), line
