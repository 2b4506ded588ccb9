"""What deployments stand on: the work pool, the limits of all workers together, and the types of blocks."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

import blocks
from flows.control.data import POOL, limits


def ensure(client: SyncPrefectClient) -> list[str]:
    """Make work pool, limits and block types be there; returns what was made. What a person changed of them stays."""
    return [*_pool(client), *_limits(client), *_blocks(client)]


def is_paused(client: SyncPrefectClient) -> bool:
    """Say whether the work pool was paused, so that no worker starts anything."""
    return client.read_work_pool(POOL).is_paused


def _pool(client: SyncPrefectClient) -> Iterator[str]:
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        yield f"pool {POOL}: made"


def _limits(client: SyncPrefectClient) -> Iterator[str]:
    for name, limit in limits().items():
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=limit))
            yield f"limit {name}: made"


def _blocks(client: SyncPrefectClient) -> Iterator[str]:
    """Register the block types; the server keeps one type a slug and one schema a content, so again is no change."""
    known = {each.slug for each in client.read_block_types()}
    for kind in _block_classes():
        kind.register_type_and_schema(_sync=True)  # type: ignore[call-arg]  # typed as async only
        if kind.get_block_type_slug() not in known:
            yield f"block {kind.get_block_type_slug()}: made"


def _block_classes() -> Iterator[type[Block]]:
    for found in pkgutil.iter_modules(blocks.__path__, f"{blocks.__name__}."):
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Block) and value.__module__ == found.name:
                yield value
