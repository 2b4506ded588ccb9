"""What holds for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from services import new_place, postgres, redis  # noqa: F401  fixtures

from nightwork.sandbox.works import works

# No test is judged by its speed: machines under load are slow.
settings.register_profile("nightwork", deadline=None)
settings.load_profile("nightwork")


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let no test see or change the breakers of the user."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    if works().problem is not None:  # the tests of the sandbox itself are skipped
        monkeypatch.setenv("NIGHTWORK_SANDBOX__CONFINE", "false")
    return folder
