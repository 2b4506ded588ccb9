"""Runs that a worker of this machine takes up: of a deployment, on the server that both use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from prefect import get_client
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings
from prefect.types import KeyValueLabelsField

from flows.control.ground import is_paused
from flows.control.known import answers, use_server
from flows.wiring.told import PREFIX
from nightwork.control import Outliving
from nightwork.errors import Infrastructure
from nightwork.markdown import printable


def worker_in_use(workers: Sequence[Outliving]) -> Outliving | None:
    """Return a worker that takes runs from the server that this process uses; None when none does."""
    use_server()
    url = (get_current_settings().api.url or "").rstrip("/")
    if not url or not answers(url):
        return None
    return next((each for each in workers if (each.variable("PREFECT_API_URL") or "").rstrip("/") == url), None)


def begin(operation: str, name: str, parameters: Mapping[str, Any], folder: Path) -> bool:
    """Make a run of a deployment; says whether it was: there has to be one, and its work pool must not be paused.

    Raises Infrastructure when the server does not take it.
    """
    labels: KeyValueLabelsField = {f"{PREFIX}folder": str(folder)}
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 2}), get_client(sync_client=True) as client:
            try:
                deployment = client.read_deployment_by_name(f"{operation}/{operation}")
            except ObjectNotFound:
                return False
            if deployment.paused or is_paused(client):
                return False
            client.create_flow_run_from_deployment(deployment.id, name=name, parameters=dict(parameters), labels=labels)
    except (httpx.HTTPError, PrefectException) as error:
        raise Infrastructure("the Prefect server", printable(f"{type(error).__name__}: {error}")[:500]) from error
    return True
