"""The control room's server, for commands that were told of no other one."""

from __future__ import annotations

import os

import httpx
from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

from nightwork.control.room import server_url


def use_server() -> str | None:
    """Use the control room's server in this process when no other is set and it answers; returns its address."""
    if get_current_settings().api.url:
        return None
    url = server_url()
    if url is None or not answers(url):
        return None
    os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()
    return url


def answers(url: str) -> bool:
    """Say whether a Prefect server answers at the address of its API."""
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False
