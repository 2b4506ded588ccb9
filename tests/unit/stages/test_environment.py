"""The environment that agents and gates find prepared, with real git and real processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nightwork import environment
from nightwork.doctor import examine
from nightwork.errors import Infrastructure
from nightwork.outcome import Status, Verdict
from nightwork.sandbox import Confinement, Run, open_sandbox
from nightwork.settings import EnvironmentSettings
from nightwork.workspace import Repository

Night = Any

UNCONFINED = Confinement(confine=False)
TOOL = """
echo made >> ../../../../made || true  # only an unconfined one comes so far
mkdir -p "$NIGHTWORK_ENVIRONMENT/bin"
printf '#!/bin/sh\\ncat "$NIGHTWORK_ENVIRONMENT/pinned"\\n' > "$NIGHTWORK_ENVIRONMENT/bin/judge"
chmod +x "$NIGHTWORK_ENVIRONMENT/bin/judge"
cp requirements.txt "$NIGHTWORK_ENVIRONMENT/pinned"
"""


def setup(line: str, **more: object) -> EnvironmentSettings:
    return EnvironmentSettings.model_validate({"setup": ["sh", "-ec", line], **more})


@pytest.fixture
def repository(night: Night) -> Repository:
    night.write("requirements.txt", "one\n")
    night.commit()
    return Repository.open(night.root)


def made(repository: Repository) -> int:
    note = repository.root / "made"
    return len(note.read_text().split()) if note.exists() else 0


def test_without_a_setup_there_is_no_environment(repository: Repository) -> None:
    assert environment.prepare(repository, EnvironmentSettings(), repository.resolve("HEAD")) is None
    assert environment.digest(repository, EnvironmentSettings(), repository.resolve("HEAD")) == ""


def test_an_environment_is_prepared_once_for_each_content_of_the_lock_files(
    night: Night, repository: Repository
) -> None:
    first = environment.prepare(repository, setup(TOOL), repository.resolve("HEAD"), UNCONFINED)
    night.write("other.txt", "x")
    night.commit()
    assert environment.prepare(repository, setup(TOOL), repository.resolve("HEAD"), UNCONFINED) == first
    night.write("requirements.txt", "two\n")
    night.commit()
    second = environment.prepare(repository, setup(TOOL), repository.resolve("HEAD"), UNCONFINED)
    assert first and second and first != second
    assert [(path / "pinned").read_text() for path in (first, second)] == ["one\n", "two\n"]
    third = environment.prepare(repository, setup(TOOL + "true"), repository.resolve("HEAD"), UNCONFINED)
    assert third not in (first, second)
    assert made(repository) == 3


def test_two_threads_prepare_it_once(repository: Repository) -> None:
    base = repository.resolve("HEAD")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(environment.prepare, repository, setup(TOOL), base, UNCONFINED) for _ in range(4)]
        folders = {each.result() for each in waiting}
    assert len(folders) == 1
    assert made(repository) == 1


def test_a_half_made_environment_is_made_anew(repository: Repository) -> None:
    base = repository.resolve("HEAD")
    folder = environment.folder_of(repository, setup(TOOL), base)
    assert folder
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "half").touch()
    assert not environment.is_prepared(folder)
    environment.prepare(repository, setup(TOOL), base)
    assert environment.is_prepared(folder)
    assert [path.name for path in (folder / "bin").iterdir()] == ["judge"]


@pytest.mark.parametrize(
    ("line", "more", "told"),
    [
        ("echo no such package >&2; exit 7", {}, "exited 7; mend it, then resume: no such package"),
        ("echo slow; sleep 30", {"timeout": "1s"}, r"ran out of its 1s \(environment.timeout\).*slow"),
    ],
)
def test_a_setup_that_fails_says_what_it_printed_and_leaves_nothing(
    repository: Repository, line: str, more: dict[str, str], told: str
) -> None:
    with pytest.raises(Infrastructure, match=told):
        environment.prepare(repository, setup(line, **more), repository.resolve("HEAD"))
    assert not list((repository.root / ".nightwork" / "environments").iterdir())
    assert "worktrees" not in repository.git("worktree", "list")


def test_a_setup_that_cannot_be_started_is_told_by_its_name(repository: Repository) -> None:
    wrong = EnvironmentSettings(setup=("no-such-program",))
    with pytest.raises(Infrastructure, match="`no-such-program` could not be started"):
        environment.prepare(repository, wrong, repository.resolve("HEAD"))


def test_the_setup_sees_the_variables_that_are_passed_and_no_others(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INDEX", "here")
    monkeypatch.setenv("TOKEN", "there")
    line = 'echo "$INDEX $TOKEN" > "$NIGHTWORK_ENVIRONMENT/seen"'
    folder = environment.prepare(repository, setup(line, pass_env=["INDEX"]), repository.resolve("HEAD"))
    assert folder
    assert (folder / "seen").read_text() == "here \n"


def test_a_sandbox_shows_the_environment_first_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    asked = Run(("sh", "-c", "echo $NIGHTWORK_ENVIRONMENT:$PATH"), tmp_path)
    finished = open_sandbox(tmp_path, tmp_path / "e", UNCONFINED).run(asked)
    assert finished.stdout.startswith(f"{tmp_path}/e:{tmp_path}/e/bin:")
    confined = open_sandbox(tmp_path, tmp_path / "e").run(asked)
    assert confined.stdout.startswith("/nightwork/environment:/nightwork/environment/bin:")
    bare = open_sandbox(tmp_path).run(Run(("sh", "-c", "echo ${NIGHTWORK_ENVIRONMENT-unset}"), tmp_path))
    assert bare.stdout == "unset\n"


QUIET = {"escalation": {"dependencies": False}}


@pytest.mark.parametrize("confine", [True, False], ids=["confined", "unconfined"])
def test_agents_and_gates_find_what_the_base_pins_and_a_change_cannot_choose_it(
    night: Night, repository: Repository, confine: bool
) -> None:
    agent = "judge > $NIGHTWORK_TICKET.txt; echo evil > requirements.txt"
    unguarded = {"hold": []}  # a person has let it pass: the gates still judge with what the base pins
    night.settings(
        agent,
        {"tests": "test $(judge) = one"},
        environment=setup(TOOL).model_dump(mode="json"),
        sandbox={"confine": confine},
        policy=unguarded,
        **QUIET,
    )
    night.commit()
    batch, document = night.run()
    rows = {row.ticket: row for row in document.queue}
    assert batch.intake().red_on_base == ()
    assert [rows[name].verdict for name in "AB"] == [Verdict.PASSED, Verdict.PASSED]
    assert "lock_files_changed" in rows["A"].flags
    assert night.git("show", "agent/A:A.txt") == "one"
    assert made(repository) == (0 if confine else 1)


def test_a_setup_that_fails_stops_the_batch_before_any_agent_works(night: Night, repository: Repository) -> None:
    more = {"environment": {"setup": ["sh", "-c", "exit 1"]}, "sandbox": {"confine": False}}
    night.settings("touch ../../../../worked", {"tests": "true"}, **more)
    night.commit()
    with pytest.raises(Infrastructure, match=r"environment.setup"):
        night.begin()
    batch = night.newest()
    with pytest.raises(Infrastructure, match=r"environment.setup"):
        night.go_on(batch)
    assert not (night.root / "worked").exists()
    night.settings("echo x > $NIGHTWORK_TICKET.txt", {"tests": "true"}, environment=setup(TOOL).model_dump(mode="json"))
    assert night.go_on(batch).counts[Status.COMPLETED] == 2


def test_the_doctor_prepares_the_environment_and_looks_for_programs_in_it(night: Night, repository: Repository) -> None:
    night.settings("true", {"tests": "true"}, environment=setup(TOOL).model_dump(mode="json"))
    text = (night.root / "nightwork.yaml").read_text().replace('["sh", "-c", "true"]}]', '["judge"]}]')
    night.write("nightwork.yaml", text)
    assert '"command": ["judge"]' in text
    night.commit()
    for told in ("was prepared now", "is prepared"):
        checks = {check.name: check for check in examine(night.root)}
        assert told in checks["environment"].found
        assert checks["gate tests"].status == "fine"


def test_a_setup_that_removes_its_own_folder_has_failed(repository: Repository) -> None:
    with pytest.raises(Infrastructure, match=r"removed .NIGHTWORK_ENVIRONMENT, its own folder"):
        environment.prepare(repository, setup('rm -r "$NIGHTWORK_ENVIRONMENT"'), repository.resolve("HEAD"), UNCONFINED)


def test_a_confined_environment_is_another_than_an_unconfined_one_for_its_paths_differ(repository: Repository) -> None:
    base = repository.resolve("HEAD")
    line = 'echo "$NIGHTWORK_ENVIRONMENT $PWD" > "$NIGHTWORK_ENVIRONMENT/place"; ls -A > "$NIGHTWORK_ENVIRONMENT/files"'
    confined = environment.prepare(repository, setup(line), base)
    unconfined = environment.prepare(repository, setup(line), base, UNCONFINED)
    assert confined and unconfined and confined != unconfined
    assert (confined / "place").read_text() == "/nightwork/environment /workspace\n"
    assert (unconfined / "place").read_text().startswith(str(unconfined))
    assert (confined / "files").read_text() == (unconfined / "files").read_text()
