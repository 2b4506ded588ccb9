"""Another repository, reached through git: what a push that came second is told."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest

from nightwork.workspace import Repository
from nightwork.workspace.remote import Access, Remote, Update

REF = "refs/nightwork/lock"
# In the place of ssh: whoever asks what there is finds the ref as it was before a push that came between.
SSH = """#!/bin/sh
for last; do :; done
case "$last" in git-upload-pack*) git --git-dir={folder} update-ref -d {ref} ;; esac
eval "$last"
"""


@pytest.fixture
def repository(tmp_path):
    place = tmp_path / "here"
    place.mkdir()
    (place / "a.txt").write_text("a")
    return Repository.create(place, "start")


def commit(repository, text):
    return repository.commit(repository.make_tree({}), [], text, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_push_that_came_second_is_told_so_though_the_first_was_taken_back_since(repository, tmp_path, monkeypatch):
    folder = tmp_path / "there.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", repository.root, folder], check=True)
    first = Remote(repository.root, Access(f"file://{folder}"))
    assert first.push([Update(REF, commit(repository, "one"), None)])
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(folder=folder, ref=REF))
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    second = Remote(repository.root, Access(f"ssh://somewhere{folder}"))
    assert second.push([Update(REF, commit(repository, "two"), None)]) is False
    assert first.refs(REF) == {}
