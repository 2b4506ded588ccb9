"""What `nightwork doctor` looks at, and what to do about each; it starts no agent and spends nothing."""

from __future__ import annotations

import json
import os
import shutil
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from nightwork import environment
from nightwork.agent import check_agent, writes_code
from nightwork.batch import check_disk
from nightwork.breaker import closures
from nightwork.errors import BadInput, NightworkError, Unavailable
from nightwork.files import make_ignored
from nightwork.llm import check_key
from nightwork.llm.providers import breakers_place
from nightwork.lock import hold
from nightwork.sandbox import Run, limits_held_by, named_files, open_sandbox, why_unconfined
from nightwork.settings import Settings, load
from nightwork.stages.account import ledger_at
from nightwork.stages.gates import measure, red_on_base
from nightwork.stages.intake import collect
from nightwork.workspace import Repository


@dataclass(frozen=True)
class Check:
    """One thing looked at: fine, worth knowing, or wrong, and what to do."""

    name: str
    status: Literal["fine", "note", "wrong"]
    found: str
    remedy: str = ""


def examine(folder: Path) -> list[Check]:
    """Look at everything a batch needs; a check that cannot be made says why and the others go on."""
    checks: list[Check] = []
    try:
        repository = Repository.open(folder)
    except NightworkError as error:
        return [Check("repository", "wrong", str(error))]
    checks.append(Check("repository", "fine", f"{repository.root.name}, {repository.version()}"))
    try:
        settings = load(repository.root)
    except BadInput as error:
        return [*checks, *(Check("settings", "wrong", str(fault)) for fault in error.faults)]
    subject = _Subject(repository, settings)
    for look in (_base, _disk, _database, _sandbox, _environment, _agent, _tickets, _gates):
        checks += _guarded(look, subject)
    return checks


@dataclass(frozen=True)
class _Subject:
    repository: Repository
    settings: Settings

    def environment(self) -> Path | None:
        base = self.repository.resolve(self.settings.base)
        return environment.folder_of(self.repository, self.settings.environment, base, self.settings.sandbox)


def _guarded(look: Callable[[_Subject], Iterator[Check]], subject: _Subject) -> list[Check]:
    try:
        return list(look(subject))
    except BadInput as error:
        return [Check(look.__name__.strip("_"), "wrong", str(fault)) for fault in error.faults]
    except NightworkError as error:
        return [Check(look.__name__.strip("_"), "wrong", str(error))]


def _base(subject: _Subject) -> Iterator[Check]:
    yield Check("base", "fine", f"{subject.settings.base} is {subject.repository.resolve(subject.settings.base)[:12]}")


def _disk(subject: _Subject) -> Iterator[Check]:
    check_disk(subject.repository.root, subject.settings)
    yield Check("disk", "fine", f"{shutil.disk_usage(subject.repository.root).free / 1e9:.1f} GB free")


def _database(subject: _Subject) -> Iterator[Check]:
    url = subject.settings.database
    if not url:
        yield Check("database", "fine", "ledger and breakers are files of this machine")
        return
    calls = ledger_at(subject.repository.root, url).last_number()
    closures(breakers_place(url), time.time())
    yield Check("database", "fine", f"{url.partition('?')[0]} can be written to; {calls} calls of this repository")


def _sandbox(subject: _Subject) -> Iterator[Check]:
    reason = why_unconfined(subject.settings.sandbox)
    if reason is None:
        yield Check("sandbox", "fine", f"bubblewrap; {limits_held_by()}")
        return
    refused = subject.settings.sandbox.confine and writes_code(subject.settings.agent)
    remedy = "agents and gates would run with your rights; " + (
        "without it the agent is refused, unless --no-sandbox is given"
        if refused
        else "use tickets and agents that you trust"
    )
    yield Check("sandbox", "wrong" if refused else "note", f"unconfined: {reason}", remedy)


def _environment(subject: _Subject) -> Iterator[Check]:
    folder = subject.environment()
    if folder is None:
        yield Check("environment", "fine", "none is prepared; agents and gates see what is on the path")
    elif environment.is_prepared(folder):
        yield Check("environment", "fine", f"{folder.name} is prepared")
    else:
        yield from _prepared(subject)


def _prepared(subject: _Subject) -> Iterator[Check]:
    base = subject.repository.resolve(subject.settings.base)
    try:
        with hold(subject.repository.root, "the doctor's look at the environment"):
            make_ignored(subject.repository.root / ".nightwork")
            folder = environment.prepare(
                subject.repository, subject.settings.environment, base, subject.settings.sandbox
            )
    except BadInput as error:
        yield Check("environment", "note", f"not prepared yet; {error}")
    else:
        yield Check("environment", "fine", f"{folder.name if folder else 'none'} was prepared now")


def _agent(subject: _Subject) -> Iterator[Check]:
    agent = subject.settings.agent
    if agent.kind == "command" and not agent.command:
        yield Check("agent", "wrong", "agent.command is empty", "name your coding command line in nightwork.yaml")
    elif agent.kind == "command":
        yield _program(subject, "agent", agent.command[0])
    else:
        check_agent(subject.settings, subject.repository.root)
        for name in sorted({agent.model_of(stage) for stage in ("C0", "C1", "C2")}):
            yield _model(name)


def _model(name: str) -> Check:
    """Say whether a model can be used; asking the provider for it by name costs nothing."""
    if name.startswith("scripted:"):
        return Check("agent", "fine", f"model {name}")
    try:
        check_key(name)
    except Unavailable as error:
        return Check("agent", "note", f"model {name}, a key is set; {error}", "check the network before the night")
    return Check("agent", "fine", f"model {name}, the key is accepted")


def _tickets(subject: _Subject) -> Iterator[Check]:
    selection = collect(str(subject.repository.root), subject.settings)
    told = f"{len(selection.admitted)} ready, {len(selection.unready)} unready, {len(selection.left_out)} left out"
    if selection.admitted:
        yield Check("tickets", "fine", told)
    else:
        yield Check("tickets", "note", told, "`nightwork run --dry-run` shows the reasons")


def _gates(subject: _Subject) -> Iterator[Check]:
    if not subject.settings.gates:
        yield Check("gates", "wrong", "none are configured", "without gates no change is ever called ready; add some")
        return
    programs = [_program(subject, f"gate {gate.name}", gate.command[0]) for gate in subject.settings.gates]
    missing = [check for check in programs if check.status == "wrong"]
    if missing:
        yield from missing
        return
    try:
        with hold(subject.repository.root, "the doctor's look at the gates"):
            runs = measure(subject.repository, subject.settings, subject.repository.resolve(subject.settings.base))
    except BadInput as error:
        yield Check("gates", "note", str(error))
        return
    problems = {run.gate: run.problem for run in runs if run.problem}
    for run in runs:
        if run.gate in problems:
            yield Check(f"gate {run.gate}", "wrong", str(run.problem), "mend the command or what it needs")
        else:
            red = red_on_base([run])
            yield Check(f"gate {run.gate}", "note" if red else "fine", red[0] if red else f"{run.duration_s:.1f} s")


def _program(subject: _Subject, name: str, program: str) -> Check:
    prepared = subject.environment()
    folders = [sysconfig.get_path("scripts"), *([str(prepared / "bin")] if prepared else [])]
    if shutil.which(program) or shutil.which(program, path=os.pathsep.join(folders)):
        return _shown(subject, name, program)
    return Check(name, "wrong", f"{program!r} is not on the search path", "install it, or name its full path")


def _shown(subject: _Subject, name: str, program: str) -> Check:
    """Say whether commands see a program that is there, in the sandbox that they get."""
    prepared, is_relative = subject.environment(), "/" in program and not program.startswith("/")
    if is_relative or why_unconfined(subject.settings.sandbox) is not None:
        return Check(name, "fine", program)
    prepared = prepared if prepared and prepared.is_dir() else None
    sandbox = open_sandbox(subject.repository.root / ".nightwork", prepared, subject.settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="nightwork-look-") as folder:
        look = ("sh", "-c", 'command -v "$1"', "sh", program)
        found = sandbox.run(Run(look, Path(folder), visible=named_files([program])))
    if found.exit_code == 0:
        return Check(name, "fine", program)
    remedy = "name it by its full path, and what it needs beside itself in sandbox.visible"
    return Check(name, "wrong", f"{program!r} is not seen in the sandbox", remedy)


def as_json(checks: list[Check]) -> str:
    """Return the checks as a JSON list."""
    return json.dumps([asdict(check) for check in checks], indent=1, ensure_ascii=False)
