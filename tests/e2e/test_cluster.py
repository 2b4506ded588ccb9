"""Several workers, one server on PostgreSQL and Redis, as deployments/compose.yaml has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from cluster import SECRETS, Cluster, started_cluster
from services import Postgres, or_skipped, started_postgres, started_redis


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    with or_skipped(started_postgres(SECRETS["PREFECT_POSTGRES_PASSWORD"])) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(own_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with (
        or_skipped(started_redis(SECRETS["REDIS_PASSWORD"])) as redis,
        started_cluster(tmp_path_factory.mktemp("cluster"), own_postgres, redis) as cluster,
    ):
        yield cluster


def test_two_workers_run_batches_at_the_same_time_and_share_one_ledger_s_database(
    cluster: Cluster, own_postgres: Postgres, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
) -> None:
    repos = [new_repo(writes_a_file, ("T-1", "T-2"), name=name) for name in ("one", "two")]
    runs = [cluster.run("overnight/overnight", repo=str(repo.path)) for repo in repos]
    for run, repo in zip(runs, repos, strict=True):
        ended = cluster.wait(run)
        assert ended["state_name"] == "Completed", f"{ended['state']}\n{cluster.logs()}"
        manifest = yaml.safe_load((repo.batch() / "manifest.yaml").read_text())
        assert {entry["outcome"] for entry in manifest["tickets"]} == {"completed"}
        assert not (repo.path / ".nightwork" / "ledger.sqlite").exists()
    with _nightworks_own(own_postgres) as database:
        told = database.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'nightwork_ledger_%'").fetchall()
    assert len(told) == 2


def test_the_workers_password_of_the_database_opens_only_their_own(own_postgres: Postgres, cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(_url(own_postgres, "prefect"))


def test_nobody_is_let_in_without_the_password(cluster: Cluster) -> None:
    assert httpx.post(f"{cluster.api}/flow_runs/filter", json={}).status_code == 401


def test_no_password_is_told_in_any_log(cluster: Cluster) -> None:
    for process in cluster.started:
        for name, secret in SECRETS.items():
            assert secret not in process.log(), f"{name} in the log of {process.name}"


def _url(postgres: Postgres, name: str) -> str:
    return f"postgresql://nightwork:{SECRETS['NIGHTWORK_POSTGRES_PASSWORD']}@127.0.0.1:{postgres.port}/{name}"


def _nightworks_own(postgres: Postgres) -> psycopg.Connection:
    return psycopg.connect(_url(postgres, "nightwork"))
