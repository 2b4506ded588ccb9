"""Drift as a flow: the state of its run tells whether the specs are still true."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from specs_by_hand import write_spec

from flows.drift import drift

pytestmark = pytest.mark.usefixtures("server")


def test_the_state_tells_whether_the_specs_are_true(tmp_path: Path):
    (tmp_path / "a.py").write_text("def f(a):\n    return a\n")
    write_spec(tmp_path, ["a.py"])
    state = drift(str(tmp_path), return_state=True)
    assert (state.name, state.message) == ("Completed", "1 spec read: no drift")
    (tmp_path / "a.py").unlink()
    state = drift(str(tmp_path), return_state=True)
    assert (state.name, state.message) == ("Drifted", "1 spec read: 1 high in 1 module")
    assert len(list((tmp_path / "drift-logs").iterdir())) == 1
    with get_client(sync_client=True) as client:
        reports = client.read_artifacts()
    assert any("the file is no longer there" in str(artifact.data) for artifact in reports)
