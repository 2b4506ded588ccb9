"""What a confined command can do, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nightwork import stop
from nightwork.agent import refuse_unconfined
from nightwork.agent_settings import AgentSettings
from nightwork.errors import BadInput, Stopped
from nightwork.sandbox import Bubblewrap, Confinement, Run, Unconfined, cgroup, limits, named_files, open_sandbox
from nightwork.sandbox.works import Works, limits_held_by, works

pytestmark = pytest.mark.skipif(works().problem is not None, reason=str(works().problem))
Machine = Any


def sh(machine: Machine, line: str, sandbox: Bubblewrap | None = None, **more: Any) -> Any:
    return (sandbox or machine.confined()).run(Run(("sh", "-c", line), machine.worktree, **more))


@pytest.mark.parametrize("code", [0, 1, 77, 127])
def test_a_command_ends_with_its_exit_code_and_what_it_printed(machine: Machine, code: int) -> None:
    found = sh(machine, f"pwd; echo é >&2; exit {code}")
    assert (found.exit_code, found.stdout, found.stderr) == (code, "/workspace\n", "é\n")
    assert not found.timed_out
    assert found.limit is None


def test_a_command_killed_by_a_signal_has_failed(machine: Machine) -> None:
    assert sh(machine, "kill -TERM $$").exit_code == 128 + signal.SIGTERM


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


UNSTARTED = [("no-such-command",), ("",), ("a\0b",), ("/",), ("./a.txt",), ("echo", "a\0b"), ("echo", "\ud800")]


@pytest.mark.parametrize("command", UNSTARTED, ids=ascii)
def test_a_command_that_cannot_be_started_says_so(machine: Machine, command: tuple[str, ...]) -> None:
    before = open_files()
    found = machine.confined().run(Run(command, machine.worktree))
    assert found.exit_code is None
    assert "could not be started" in found.stderr
    assert open_files() == before


def test_a_folder_that_is_not_there_says_so(machine: Machine) -> None:
    found = machine.confined().run(Run(("true",), machine.worktree / "none"))
    assert "could not be started" in found.stderr
    assert str(machine.root) not in found.stderr


def test_the_worktree_the_environment_and_the_toolchain_are_there(machine: Machine) -> None:
    (machine.environment / "bin" / "tool").chmod(0o755)
    assert (
        sh(machine, "tool; cat a.txt; echo new > b.txt; python -c 'import pytest; print(1)'").stdout == "tool\none\n1\n"
    )
    assert (machine.worktree / "b.txt").read_text() == "new\n"
    assert (machine.worktree / "b.txt").stat().st_uid == os.getuid()


def test_a_user_with_lower_limits_of_his_own_keeps_them(machine: Machine) -> None:
    driver = f"""
import resource
from pathlib import Path
from nightwork.sandbox import Run, open_sandbox
resource.setrlimit(resource.RLIMIT_NPROC, (900, 900))
resource.setrlimit(resource.RLIMIT_FSIZE, (10**8, 10**8))
line = "ulimit -p || ulimit -u; ulimit -f"
print(open_sandbox(Path({str(machine.state)!r})).run(Run(("sh", "-c", line), Path({str(machine.worktree)!r}))))
"""
    said = subprocess.run([sys.executable, "-c", driver], capture_output=True, text=True, check=True).stdout
    assert r"stdout='900\n195312\n', stderr=''" in said


def test_standard_input_reaches_the_command_whole(machine: Machine) -> None:
    text = "é\n" * 200_000
    assert machine.confined().run(Run(("cat",), machine.worktree, stdin=text)).stdout == text


def test_git_reads_the_history_and_the_difference(machine: Machine) -> None:
    found = sh(
        machine, "echo two >> a.txt; git log --format=%s; git status --short; git diff; git ls-files; git show :a.txt"
    )
    assert found.exit_code == 0
    for part in ("start\n", " M a.txt\n", "+two\n", "a.txt\n"):
        assert part in found.stdout
    assert machine.git("-C", str(machine.worktree), "status", "--short") == "M a.txt"


def test_a_folder_of_its_own_repository_and_one_without_are_confined_too(machine: Machine) -> None:
    for folder in (machine.repository, machine.outside):
        found = machine.confined().run(
            Run(("sh", "-c", "echo x > y; ls -A .git 2>/dev/null; echo x > .git/config"), folder)
        )
        assert (folder / "y").read_text() == "x\n"
        assert "config" not in found.stdout
    assert (machine.repository / ".git" / "config").read_text().strip() != "x"


def test_a_path_among_the_variables_is_told_as_the_command_sees_it(machine: Machine) -> None:
    results = machine.root / "results"
    results.mkdir()
    variables = {"RESULT": results / "r.json", "FILE": machine.worktree / "a.txt", "TEXT": str(results)}
    run = Run(
        ("sh", "-c", "cat $FILE > $RESULT; echo $TEXT"), machine.worktree, variables=variables, writable=(results,)
    )
    assert machine.confined().run(run).stdout == f"{results}\n"
    assert (results / "r.json").read_text() == "one\n"
    (results / "r.json").unlink()
    assert machine.unconfined().run(run).exit_code == 0
    assert (results / "r.json").read_text() == "one\n"


def test_files_that_the_settings_own_command_names_are_shown(machine: Machine) -> None:
    program = machine.home / "agent.py"
    program.write_text("print('here')")
    command = (sys.executable, str(program), "/nowhere", "-x")
    assert str(program) in {str(path) for path in named_files(command)}
    assert machine.confined().run(Run(command, machine.worktree, visible=named_files(command))).stdout == "here\n"
    assert machine.confined().run(Run(command, machine.worktree)).exit_code == 2


def test_a_visible_folder_is_shown_and_stays_as_it_is(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(machine.home))
    (machine.home / ".cargo").mkdir()
    (machine.home / ".cargo" / "x").write_text("mine")
    sandbox = Bubblewrap(machine.state, None, Confinement(visible=("~/.cargo",)), works().options)
    found = sh(machine, f"cat {machine.home}/.cargo/x; ls -A {machine.home}; echo y > {machine.home}/.cargo/y", sandbox)
    assert found.stdout == "mine.cargo\n"
    assert "Read-only" in found.stderr


def test_the_search_path_holds_nothing_that_is_not_shown(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    venv, own = machine.root / "venv", machine.home / "bin"
    (venv / "bin").mkdir(parents=True)
    own.mkdir()
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("PATH", f"{own}:{venv}/bin:relative:{os.environ['PATH']}")
    path = sh(machine, "echo $PATH", Bubblewrap(machine.state, options=works().options)).stdout.strip().split(":")
    assert f"{venv}/bin" in path
    assert str(own) not in path
    assert "relative" not in path


def test_the_network_is_there_for_whom_it_is_asked(machine: Machine) -> None:
    connect = f"import socket; print(socket.create_connection({machine.server.getsockname()!r}, 5).recv(7).decode())"
    assert machine.run(machine.confined(), connect, network=True).stdout == "hunter2\n"
    assert machine.run(machine.confined(), connect).exit_code == 1


def test_servers_of_a_tests_own_work_without_the_network(machine: Machine) -> None:
    program = (
        "import socket; server = socket.create_server(('127.0.0.1', 0)); "
        "print(bool(socket.create_connection(server.getsockname())) + 0)"
    )
    assert machine.run(machine.confined(), program).stdout == "1\n"


def test_at_the_time_limit_everything_ends(machine: Machine) -> None:
    started = time.monotonic()
    found = sh(machine, "sleep 60 & setsid sleep 60 & echo begun; wait", timeout_s=0.5)
    assert (found.timed_out, found.exit_code, found.stdout) == (True, None, "begun\n")
    assert time.monotonic() - started < 3


def test_the_wish_to_stop_ends_a_command_soon(machine: Machine) -> None:
    stop.reset()
    timer = threading.Timer(0.3, stop.request, ["a test"])
    timer.start()
    started = time.monotonic()
    try:
        with pytest.raises(Stopped):
            sh(machine, "setsid sleep 60 & wait")
    finally:
        timer.join()
        stop.reset()
    assert time.monotonic() - started < 3


def beats(mark: Path) -> bool:
    """Say whether something still writes to a file."""
    before = mark.stat().st_size
    time.sleep(0.5)
    return mark.stat().st_size > before


DRIVER = """
import sys, threading
from pathlib import Path
from nightwork.sandbox import Run, open_sandbox
LINE = "(setsid sh -c 'while true; do echo x >> mark; sleep 0.05; done' &) ; sleep 60"
run = Run(("sh", "-c", LINE), Path(sys.argv[2]))
thread = threading.Thread(target=open_sandbox(Path(sys.argv[1])).run, args=(run,))
thread.start()
thread.join()
"""


def test_when_nightwork_is_killed_its_commands_die_with_it(machine: Machine) -> None:
    command = [sys.executable, "-c", DRIVER, str(machine.state), str(machine.worktree)]
    with subprocess.Popen(command) as nightwork:
        mark = machine.worktree / "mark"
        while not mark.exists() or not mark.stat().st_size:
            time.sleep(0.05)
        assert beats(mark)
        nightwork.kill()
    time.sleep(0.2)
    assert not beats(mark)


def test_a_thread_that_ends_takes_no_command_of_another_with_it(machine: Machine) -> None:
    """The kernel's signal at the parent's death comes when the thread that started the process ends."""
    found: list[Any] = []
    slow = threading.Thread(target=lambda: found.append(sh(machine, "sleep 1; echo whole")))
    slow.start()
    threads = [threading.Thread(target=sh, args=(machine, "true")) for _ in range(6)]
    for thread in (*threads, slow):
        if thread is not slow:
            thread.start()
    for thread in (*threads, slow):
        thread.join()
    assert [(one.exit_code, one.stdout) for one in found] == [(0, "whole\n")]


def own_groups() -> set[Path]:
    return {path for home in cgroup.homes().values() for path in home.glob(f"nightwork-{os.getpid()}-*")}


def test_nothing_is_left_of_a_run(machine: Machine) -> None:
    files, groups = open_files(), own_groups()
    for line in ("true", "false", "setsid sleep 60 & true", "no-such-command"):
        sh(machine, line)
    assert open_files() == files
    assert own_groups() == groups
    assert not list((machine.state / "running").iterdir())


def test_many_commands_run_side_by_side(machine: Machine) -> None:
    found: list[int | None] = []
    threads = [threading.Thread(target=lambda: found.append(sh(machine, "sleep 0.3").exit_code)) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 8
    assert time.monotonic() - started < 4


class NoGroups(cgroup.Group):
    """Control groups as they are where nobody may make them: none."""

    def __init__(self, processes: int, memory_bytes: int) -> None:
        super().__init__(processes, memory_bytes)
        self.remove()


FORKS = "for n in $(seq 60); do sleep 5 & done; sleep 5"
MEMORY = "x = bytearray(300_000_000); x[::4096] = b'x' * len(x[::4096]); import time; time.sleep(5)"
SHARED = "import mmap, time; m = mmap.mmap(-1, 300_000_000)\nfor i in range(0, len(m), 4096): m[i] = 1\ntime.sleep(5)"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("sh", "-c", FORKS), "processes"),
        ((sys.executable, "-c", MEMORY), "memory"),
        ((sys.executable, "-c", SHARED), "memory"),
    ],
)
def test_without_control_groups_the_limits_hold_too(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], told: str
) -> None:
    monkeypatch.setattr(limits, "Group", NoGroups)
    found = machine.confined(processes=32, memory_mb=100).run(Run(command, machine.worktree))
    assert told in (found.limit or "")
    assert found.duration_s < 4


def test_groups_that_a_killed_run_has_left_are_removed() -> None:
    homes = set(cgroup.homes().values())
    if not homes:
        pytest.skip("nobody here may make control groups")
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = [home / f"nightwork-{gone.pid}-1" for home in homes]
    own = [home / f"nightwork-{os.getpid()}-999999" for home in homes]
    for folder in (*left, *own):
        folder.mkdir()
    stuck = subprocess.Popen(["sleep", "60"])
    (left[0] / "cgroup.procs").write_text(str(stuck.pid))
    cgroup.remove_leftovers()
    assert stuck.wait(5) == -signal.SIGKILL
    assert not any(folder.exists() for folder in left)
    for folder in own:
        folder.rmdir()


def test_the_sandbox_of_this_machine_is_bubblewrap_unless_it_is_turned_off(tmp_path: Path) -> None:
    assert isinstance(open_sandbox(tmp_path), Bubblewrap)
    assert isinstance(open_sandbox(tmp_path, confinement=Confinement(confine=False)), Unconfined)
    assert "0.1 s" in limits_held_by() or "control groups" in limits_held_by()


NOTHING = """
from nightwork.sandbox import Confinement, open_sandbox, why_unconfined
from pathlib import Path
print(open_sandbox(Path("/nowhere")).name, why_unconfined(Confinement()))
"""


def test_without_bubblewrap_it_is_said_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTHING], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("unconfined bubblewrap is not installed; `apt-get install bubblewrap`")


@pytest.mark.parametrize(
    ("agent", "confine", "refused"),
    [
        ({"kind": "command", "command": ["x"]}, True, True),
        ({"model": "claude-x"}, True, True),
        ({"model": "scripted:x"}, True, False),
        ({"kind": "command", "command": ["x"]}, False, False),
    ],
)
def test_an_agent_that_writes_code_is_refused_where_nothing_confines_it(
    monkeypatch: pytest.MonkeyPatch, agent: dict[str, Any], confine: bool, refused: bool
) -> None:
    settings = AgentSettings.model_validate(agent)
    refuse_unconfined(settings, Confinement(confine=confine))
    monkeypatch.setattr("nightwork.sandbox.works", lambda: Works(problem="bubblewrap is not installed; install it"))
    if refused:
        with pytest.raises(BadInput, match=r"not run unconfined: bubblewrap is not installed.*--no-sandbox"):
            refuse_unconfined(settings, Confinement(confine=confine))
    else:
        refuse_unconfined(settings, Confinement(confine=confine))
