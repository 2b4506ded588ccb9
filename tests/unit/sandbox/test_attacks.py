"""What hostile code tries. Each attack is shown to succeed where its defence is taken away, and to fail with it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightwork.files import remove_tree
from nightwork.sandbox import Bubblewrap, Confinement, Run, view
from nightwork.sandbox.works import works

from .conftest import SECRET

Machine = Any

CONNECT = (
    "import socket; s = socket.socket(socket.{family}); s.settimeout(3); s.connect({address!r}); print(s.recv(99))"
)
SHELL = "import subprocess, sys; sys.exit(subprocess.run(['sh', '-c', {line!r}]).returncode)"
PTRACE = "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, {pid}, 0, 0) != 0 or print('{won}'))"


def prints(path: object) -> str:
    return f"print(open({str(path)!r}, errors='replace').read())"


# Attacks that show the secret when they succeed.
READS: dict[str, Callable[[Machine], str]] = {
    "a key in the home folder": lambda m: prints(m.home / ".ssh" / "id"),
    "a key by a link made in the worktree": lambda m: (
        f"import os; os.symlink({str(m.home)!r}, 'h'); {prints('h/.ssh/id')}"
    ),
    "a key by a path with ..": lambda m: prints("../../../../../.ssh/id"),
    "the worktree of another ticket": lambda m: prints(m.state / "worktrees" / "T-2" / "agent" / "work.txt"),
    "the worktree of another ticket beside the own": lambda m: prints("../../T-2/agent/work.txt"),
    "a credential in the repository's configuration": lambda m: prints(m.repository / ".git" / "config"),
    "a credential that git tells": lambda m: SHELL.format(line="git remote -v; git config --list; cat .git/config"),
    "the environment of another process": lambda m: prints(f"/proc/{m.victim.pid}/environ"),
    "files by the root of another process": lambda m: prints(f"/proc/{m.victim.pid}/root{m.home}/.ssh/id"),
    "files by the folder of another process": lambda m: prints(f"/proc/{m.victim.pid}/cwd/.ssh/id"),
    "every environment in /proc": lambda m: (
        "import glob\nfor p in glob.glob('/proc/[0-9]*/environ'):\n"
        " try: print(open(p, errors='replace').read())\n except OSError: pass"
    ),
    "the memory of another process": lambda m: PTRACE.format(pid=m.victim.pid, won=SECRET),
    "a server of this machine": lambda m: CONNECT.format(family="AF_INET", address=m.server.getsockname()),
    "an abstract socket": lambda m: CONNECT.format(family="AF_UNIX", address=m.abstract.getsockname()),
    "a socket in /tmp": lambda m: CONNECT.format(family="AF_UNIX", address=m.socket.getsockname()),
}


@pytest.mark.parametrize("name", READS)
def test_what_a_command_must_not_learn_stays_hidden(machine: Machine, name: str) -> None:
    program = READS[name](machine)
    assert SECRET in machine.run(machine.unconfined(), program).stdout
    (machine.worktree / "h").unlink(missing_ok=True)
    found = machine.run(machine.confined(), program)
    assert SECRET not in found.stdout + found.stderr
    assert found.exit_code is not None  # it ran, and came to nothing


def test_a_variable_of_the_user_reaches_no_command(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    program = "import os; print(os.environ)"
    bare = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert SECRET in bare.stdout
    assert SECRET not in machine.run(machine.confined(), program).stdout


# Attacks that leave a trace on the machine: (program, whether the trace is there).
Trace = tuple[Callable[[Machine], str], Callable[[Machine], bool]]


def shell(line: Callable[[Machine], str]) -> Callable[[Machine], str]:
    return lambda m: SHELL.format(line=line(m))


def marked(path: Callable[[Machine], Path]) -> Callable[[Machine], bool]:
    return lambda m: path(m).exists()


WHO = "-c user.name=a -c user.email=b"
GIT_PATH = "p=$(git rev-parse --git-path"
FILES = "git -c protocol.file.allow=always"
WRITES: dict[str, Trace] = {
    "a file outside": (shell(lambda m: f"echo x > {m.outside}/mark"), marked(lambda m: m.outside / "mark")),
    "a file in the home": (shell(lambda m: f"echo x > {m.home}/.profile"), marked(lambda m: m.home / ".profile")),
    "a file beside the worktree": (shell(lambda m: "echo x > ../mark"), marked(lambda m: m.worktree.parent / "mark")),
    "a file by a link to a folder": (
        shell(lambda m: f"ln -s {m.outside} l; echo x > l/mark"),
        marked(lambda m: m.outside / "mark"),
    ),
    "a file by a link to it": (
        shell(lambda m: f"ln -s {m.outside}/file l; echo x > l"),
        lambda m: (m.outside / "file").read_text() != "theirs",
    ),
    "a file by a second name for it": (
        shell(lambda m: f"ln {m.outside}/file l; echo x > l"),
        lambda m: (m.outside / "file").read_text() != "theirs",
    ),
    "the prepared environment": (
        shell(lambda m: "echo x >> $NIGHTWORK_ENVIRONMENT/bin/tool"),
        lambda m: "x" in (m.environment / "bin" / "tool").read_text().splitlines(),
    ),
    "a tool of its own on the path": (
        shell(lambda m: "echo x > $NIGHTWORK_ENVIRONMENT/bin/git"),
        marked(lambda m: m.environment / "bin" / "git"),
    ),
    "the Python of nightwork": (
        shell(lambda m: f"echo x > {sys.prefix}/nightwork-attack"),
        lambda m: removed(Path(sys.prefix, "nightwork-attack")),
    ),
    "configuration for the gates of all tickets": (
        shell(lambda m: "echo 'collect_ignore_glob = [\"*\"]' > ../../conftest.py; echo > ../../ruff.toml"),
        marked(lambda m: m.state / "worktrees" / "conftest.py"),
    ),
    "a measurement of the base": (
        shell(lambda m: f"mkdir -p {m.state}/measurements; echo {{}} > {m.state}/measurements/x.json"),
        marked(lambda m: m.state / "measurements" / "x.json"),
    ),
    "the pointer to the repository": (
        shell(lambda m: "echo 'gitdir: evil' > .git"),
        lambda m: "evil" in (m.worktree / ".git").read_text(),
    ),
    "the pointer to the repository, by renaming": (
        shell(lambda m: "mv .git old; mkdir .git"),
        lambda m: (m.worktree / ".git").is_dir(),
    ),
    "a hook": (
        shell(lambda m: 'echo x > "$(git rev-parse --git-path hooks)/post-checkout"'),
        marked(lambda m: m.repository / ".git" / "hooks" / "post-checkout"),
    ),
    "a program in git's configuration": (
        shell(lambda m: "git config core.fsmonitor ./evil"),
        lambda m: "evil" in (m.repository / ".git" / "config").read_text(),
    ),
    "a filter in git's configuration": (
        shell(lambda m: "git config filter.x.clean ./evil; echo '* filter=x' > .gitattributes"),
        lambda m: "evil" in (m.repository / ".git" / "config").read_text(),
    ),
    "attributes for all worktrees": (
        shell(lambda m: f"{GIT_PATH} info); mkdir -p $p; echo '* x' > $p/attributes"),
        marked(lambda m: m.repository / ".git" / "info" / "attributes"),
    ),
    "a submodule": (
        shell(lambda m: f"git init -q s; (cd s; git {WHO} commit --allow-empty -qm x);{FILES} submodule add $PWD/s t"),
        lambda m: "submodule" in (m.repository / ".git" / "config").read_text(),
    ),
    "a branch": (
        shell(lambda m: "git -c user.name=a -c user.email=b commit -q --allow-empty -m x && git branch -f evil"),
        lambda m: "evil" in m.git("branch", "--list"),
    ),
    "an object among git's own": (
        shell(lambda m: "echo evil | git hash-object -w --stdin"),
        lambda m: len(list((m.repository / ".git" / "objects").glob("??/*"))) > 3,
    ),
    "a list of alternates": (
        shell(lambda m: f"{GIT_PATH} objects/info); mkdir -p $p; echo /evil > $p/alternates"),
        marked(lambda m: m.repository / ".git" / "objects" / "info" / "alternates"),
    ),
    "the life of another process": (
        lambda m: f"import os; os.kill({m.victim.pid}, 9)",
        lambda m: time.sleep(0.2) or m.victim.poll() is not None,
    ),
}  # fmt: skip


def removed(path: Path) -> bool:
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


@pytest.mark.parametrize("name", WRITES)
def test_what_a_command_must_not_change_stays_as_it_was(machine: Machine, name: str) -> None:
    program, is_there = WRITES[name]
    if "Python" in name and not os.access(sys.prefix, os.W_OK):
        pytest.skip("this user may not change nightwork's own Python")
    machine.run(machine.confined(), program(machine))
    assert not is_there(machine)
    shutil.rmtree(machine.worktree / "s", ignore_errors=True)
    (machine.worktree / "l").unlink(missing_ok=True)
    machine.run(machine.unconfined(), program(machine))
    assert is_there(machine)


# Attacks that outlive their step: what is left touches a mark in the worktree half a second later.
LATER = "sleep 0.5; touch mark"
DAEMONS = {
    "in a session of its own": f"setsid sh -c '{LATER}' >/dev/null 2>&1 &",
    "forked twice": f"(setsid sh -c '{LATER}' >/dev/null 2>&1 &) &",
    "deaf to hang-ups": f"setsid nohup sh -c '{LATER}' >/dev/null 2>&1 &",
    "deaf to signals": f"setsid sh -c 'trap \"\" TERM INT HUP QUIT; {LATER}' >/dev/null 2>&1 &",
    "holding the output open": f"setsid sh -c '{LATER}' &",
}


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("how", ["returns", "times out"])
def test_a_daemon_ends_with_its_step(machine: Machine, name: str, how: str) -> None:
    line = DAEMONS[name] + (" sleep 0.2" if how == "returns" else " sleep 9")
    for sandbox, survives in ((machine.confined(), False), (machine.unconfined(), True)):
        mark = machine.worktree / "mark"
        mark.unlink(missing_ok=True)
        found = machine.run(sandbox, SHELL.format(line=line), timeout_s=0.4 if how == "times out" else 20)
        assert found.timed_out == (how == "times out")
        time.sleep(0.9)
        assert mark.exists() == survives


# Attacks that exhaust: (program, small ceilings, what is told); with higher ceilings each comes to its end.
FORKS = "import os, time\nfor _ in range(60):\n  if not os.fork(): time.sleep(2); os._exit(0)\nprint('won')"
BOMB = """
import os, time
for _ in range(6):
    try:
        os.fork()
    except OSError:
        pass
time.sleep(1)
print('won')
"""
THREADS = """
import threading, time
for _ in range(60):
    threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
time.sleep(0.5)
print('won')
"""
MEMORY = "x = bytearray(200_000_000); x[::4096] = b'x' * len(x[::4096]); print('won')"
SHARED = "import mmap; m = mmap.mmap(-1, 200_000_000)\nfor i in range(0, len(m), 4096): m[i] = 1\nprint('won')"
BIG = "f = open('{0}/big', 'wb')\nfor _ in range(40): f.write(bytes(1_000_000))\nf.close(); print('won')"
MANY = "import time\nfor n in range(40): open(f'f{n}', 'wb').write(bytes(1_000_000))\ntime.sleep(0.5); print('won')"
EMPTY = "import time\nfor n in range(9000): open(f'f{n}', 'w').close()\ntime.sleep(0.5); print('won')"
SPARSE = "f = open('big', 'wb'); f.truncate(10**12); print('won')"
NAMELESS = """
import os, time
kept = []
for _ in range(40):
    kept.append(open('f', 'wb'))
    os.unlink('f')
    kept[-1].write(bytes(1_000_000))
    kept[-1].flush()
time.sleep(0.5)
print('won')
"""
EXHAUSTING: dict[str, tuple[str, dict[str, int], str]] = {
    "a row of processes": (FORKS, {"processes": 32}, "32 processes"),
    "a fork bomb": (BOMB, {"processes": 32}, "32 processes"),
    "threads": (THREADS, {"processes": 32}, "32 processes"),
    "memory": (MEMORY, {"memory_mb": 100}, "100 MB of memory"),
    "shared memory": (SHARED, {"memory_mb": 100}, "100 MB of memory"),
    "one big file": (BIG.format("."), {"disk_mb": 20}, "20 MB of disk"),
    "many files": (MANY, {"disk_mb": 20}, "20 MB of disk"),
    "many empty files": (EMPTY, {"disk_mb": 20}, "20 MB of disk"),
    "files without a name": (NAMELESS, {"disk_mb": 20}, "20 MB of disk"),
    "a file of holes": (SPARSE, {"disk_mb": 20}, ""),
    "/tmp": (BIG.format("/tmp"), {"tmp_mb": 20}, ""),
    "/dev/shm": (BIG.format("/dev/shm"), {"tmp_mb": 20}, ""),
    "the home folder": (BIG.replace("'{0}/big'", "__import__('os').path.expanduser('~/big')"), {"tmp_mb": 20}, ""),
}
HIGH = {"processes": 1000, "memory_mb": 2000, "disk_mb": 2_000_000, "tmp_mb": 200}


@pytest.mark.parametrize("name", EXHAUSTING)
def test_a_command_that_takes_too_much_is_ended_and_says_of_what(machine: Machine, name: str) -> None:
    program, ceilings, told = EXHAUSTING[name]
    found = machine.run(machine.confined(**{**HIGH, **ceilings}), program, timeout_s=30)
    assert "won" not in found.stdout
    assert not found.timed_out
    assert (told in (found.limit or "")) if told else found.exit_code
    shutil.rmtree(machine.worktree)
    machine.git("worktree", "prune")
    machine.git("worktree", "add", "--quiet", "--detach", "--force", str(machine.worktree))
    assert "won" in machine.run(machine.confined(**HIGH), program, timeout_s=30).stdout


def test_a_flood_of_output_is_read_and_thrown_away(machine: Machine) -> None:
    flood = "import os\nfor _ in range(30): os.write(1, b'x' * 1_000_000); os.write(2, b'x' * 1_000_000)"
    found = machine.run(machine.confined(), flood, output_limit=1000)
    assert (found.exit_code, len(found.stdout), len(found.stderr), found.truncated) == (0, 1000, 1000, True)
    assert len(machine.run(machine.confined(), flood, output_limit=10**9).stdout) == 30_000_000


KEPT = "import os, sys; p = '{0}/nightwork-left'; print('won' if os.path.exists(p) else ''); open(p, 'w').close()"


@pytest.mark.parametrize("place", ["/tmp", "/var/tmp", "/dev/shm"])
def test_what_one_command_leaves_no_other_finds(machine: Machine, place: str) -> None:
    def second(run: Callable[[str], Any]) -> str:
        return [run(KEPT.format(place)).stdout for _ in range(2)][1]

    try:
        assert "won" in second(lambda program: machine.run(machine.unconfined(), program))
    finally:
        Path(place, "nightwork-left").unlink(missing_ok=True)
    assert "won" not in second(lambda program: machine.run(machine.confined(), program))


# Attacks on the kernel's own doors: what is taken away, and the program that then succeeds.
def without(argument: str, count: int = 1) -> Callable[[list[str]], list[str]]:
    """Return what leaves an argument of bwrap out, with those that belong to it."""

    def leave_out(arguments: list[str]) -> list[str]:
        at = arguments.index(argument)
        return arguments[:at] + arguments[at + count :]

    return leave_out


class Weakened(Bubblewrap):
    """A sandbox with one defence taken away."""

    def __init__(self, machine: Machine, change: Callable[[list[str]], list[str]]) -> None:
        super().__init__(machine.state, machine.environment, Confinement(), works().options)
        self.change = change

    def _arguments(self, *given: Any) -> list[str]:
        return self.change(super()._arguments(*given))


def last_without(place: str) -> Callable[[list[str]], list[str]]:
    def leave_out(arguments: list[str]) -> list[str]:
        end = len(view.sealed())
        kept = [word for word in zip(arguments[-end::2], arguments[-end + 1 :: 2], strict=True) if word[1] != place]
        return [*arguments[:-end], *(word for pair in kept for word in pair)]

    return leave_out


KEYS = "import ctypes; print('won' * (ctypes.CDLL(None).syscall({0}, b'user', b'nightwork', b'x', 1, -2) > 0))"
ADD_KEY = {"x86_64": 248, "aarch64": 217}.get(platform.machine(), 0)
SYSCTL = "f = open('/proc/sys/kernel/core_pattern', 'r+'); print('won')"
DOORS = {
    "settings of the kernel": (last_without("/proc"), SYSCTL),
    "programs put at the root": (last_without("/"), "open('/evil', 'w').close(); print('won')"),
    "devices put into /dev": (last_without("/dev"), "open('/dev/evil', 'w').close(); print('won')"),
    "a namespace with all capabilities": (
        without("--disable-userns"),
        "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000) != 0 or print('won'))",
    ),
    "the processes of the machine": (
        lambda a: [*a[:2], "--unshare-net", "--unshare-ipc", "--unshare-uts", *a[3:]],
        f"import os; print('won' if os.path.exists('/proc/{os.getpid()}/stat') and os.getpid() > 50 else '')",
    ),
    "keys of the user's session": (without("--seccomp", 2), KEYS.format(ADD_KEY)),
    "the paths of the host on the command line": (None, "print(open('/proc/1/cmdline').read())"),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_door_to_the_kernel_is_shut(machine: Machine, name: str) -> None:
    change, program = DOORS[name]
    if change is None:
        assert str(machine.worktree) not in machine.run(machine.confined(), program).stdout
        return
    if program == SYSCTL and os.geteuid():
        pytest.skip("only root owns the kernel's settings")
    if "--disable-userns" not in works().options and "capabilities" in name:
        pytest.skip("this bubblewrap cannot forbid user namespaces")
    assert "won" in machine.run(Weakened(machine, change), program).stdout
    found = machine.run(machine.confined(), program)
    assert "won" not in found.stdout


TERMINAL = """
import os, pty, subprocess, sys
from pathlib import Path
from nightwork.sandbox import Bubblewrap, Run
child, terminal = pty.fork()
if child:
    said = b""
    try:
        while data := os.read(terminal, 999):
            said += data
    except OSError:
        pass
    print(said.decode())
    sys.exit()
command = (sys.executable, "-c", "open('/dev/tty', 'w').write('typed')")
if sys.argv[1] == "confined":
    Bubblewrap(Path(sys.argv[2])).run(Run(command, Path(sys.argv[3])))
else:
    subprocess.run(command)
"""


def test_the_users_terminal_is_out_of_reach(machine: Machine) -> None:
    def said(how: str) -> str:
        command = [sys.executable, "-c", TERMINAL, how, str(machine.state), str(machine.worktree)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert "typed" in said("unconfined")
    assert "typed" not in said("confined")


def test_a_disk_of_the_machine_cannot_be_read(machine: Machine) -> None:
    disks = [path for path in Path("/dev").iterdir() if path.is_block_device() and os.access(path, os.R_OK)]
    if not disks:
        pytest.skip("this user may read no disk of this machine")
    program = f"print(len(open({str(disks[0])!r}, 'rb').read(512)))"
    assert machine.run(machine.unconfined(), program).exit_code == 0
    assert machine.run(machine.confined(), program).exit_code == 1


def test_no_open_file_of_nightwork_reaches_a_command(machine: Machine) -> None:
    program = "import os; os.system('ls -l /proc/self/fd')"
    secret = os.open(machine.home / ".ssh" / "id", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        bare = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, close_fds=False, check=False
        )
        found = machine.run(machine.confined(), program)
    finally:
        os.close(secret)
    assert ".ssh" in bare.stdout
    assert ".ssh" not in found.stdout


def test_a_wide_setting_that_would_show_everything_is_refused() -> None:
    for path in ("/", "~", "/home", "/root/", "~/../..", "relative", "/etc"):
        with pytest.raises(ValueError, match=r"expected|show more"):
            Confinement(visible=(path,))
    assert Confinement(visible=("~/.cargo", "/opt/tool")).visible == ("~/.cargo", "/opt/tool")


def test_a_home_that_is_named_hides_the_real_one(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(
        ("sh", "-c", "echo $HOME; ls -A $HOME; cat $HOME/.ssh/id"),
        machine.worktree,
        variables={"HOME": str(machine.home)},
    )
    assert SECRET in machine.unconfined().run(run).stdout
    assert machine.confined().run(run).stdout.split() == [str(machine.home)]
    for taken in ("/usr", "/", "/etc/x", "relative", "/proc"):
        told = machine.confined().run(
            Run(("sh", "-c", "ls /usr/bin | head -1"), machine.worktree, variables={"HOME": taken})
        )
        assert (told.exit_code, told.stdout != "") == (0, True)


@pytest.mark.parametrize("mark", ["lib/x", "pyvenv.cfg"])
def test_programs_of_the_repository_on_the_search_path_do_not_show_the_rest_of_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    (machine.repository / "lib").mkdir()
    (machine.repository / mark).write_text("")
    (machine.repository / "bin").mkdir()
    (machine.repository / "bin" / "tool").write_text("#!/bin/sh\necho works\n")
    (machine.repository / "bin" / "tool").chmod(0o755)
    (machine.repository / ".env").write_text(SECRET)
    monkeypatch.setenv("PATH", f"{machine.repository}/bin:{os.environ['PATH']}")
    look = f"tool; cat {machine.repository}/.env {machine.repository}/.git/config; ls -A {machine.repository}"
    finished = machine.confined().run(Run(("sh", "-c", look), machine.worktree))
    assert "works" in finished.stdout
    assert SECRET not in finished.stdout
    assert not {".git", ".nightwork"} & set(finished.stdout.split())


def test_a_variable_of_a_command_is_not_obeyed_outside_of_the_sandbox(machine: Machine) -> None:
    told = {"LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": str(machine.outside.parent / "loaded"), "MARK": "one\ntwo"}
    run = Run(
        ("sh", "-c", 'echo "$LD_DEBUG $MARK"; tr "\\0" "\\n" </proc/self/environ'), machine.worktree, variables=told
    )
    finished = machine.confined().run(run)
    assert "libs one\ntwo\n" in finished.stdout
    assert "HOME=" in finished.stdout
    assert not list(machine.outside.parent.glob("loaded*"))


DEEP = """
import os, time
for _ in range(1500):
    os.mkdir("x")
    os.chdir("x")
for number in range(30):
    with open(str(number), "wb") as file:
        file.write(os.urandom(1_000_000))
time.sleep(60)
"""


def test_what_is_written_too_deep_to_be_measured_is_ended(machine: Machine) -> None:
    finished = machine.confined(disk_mb=20).run(Run((sys.executable, "-c", DEEP), machine.worktree, timeout_s=10))
    remove_tree(machine.worktree)  # more than pytest can remove
    assert "disk" in (finished.limit or "")


def test_a_folder_that_a_command_has_closed_is_open_to_its_owner(machine: Machine) -> None:
    machine.worktree.chmod(0o755)
    machine.confined().run(Run(("chmod", "0", "."), machine.worktree))
    assert machine.worktree.stat().st_mode & 0o777 == 0o700
