"""What a confined command sees, as arguments of bwrap: a list of what is allowed; all else is absent.

Its folder stands at one place whatever the ticket, so that tools find no configuration in folders above it, and what a
model is told is the same in each worktree.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nightwork.sandbox import etc as settings
from nightwork.sandbox.places import ENVIRONMENT, GIT, HOME, USER, WORKSPACE

__all__ = ["ENVIRONMENT", "HOME", "USER", "WORKSPACE"]

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Folders that hold more than one tool: never shown whole because a tool lies in them.
_SHARED = frozenset(map(Path, ("/", "/opt", "/home", "/var", "/tmp", "/srv", "/mnt", "/etc", "/run", "/usr")))
# What a tool's folder holds of the tool.
_PARTS = ("bin", "sbin", "lib", "lib64", "libexec", "share", "pyvenv.cfg")


def root(etc: Path, network: bool, sizes_mb: int, home: str) -> list[str]:
    """Return the arguments for the system: its programs, a few of its settings, and private places to write to."""
    size = str(sizes_mb * 1_000_000)
    system = [["--ro-bind", "/usr", "/usr"], *_system(), bound(str(etc), "/etc"), *settings.mounted(network)]
    private = [["--size", size, "--perms", mode, "--tmpfs", place] for mode, place in _private(home)]
    linked = ["--symlink", "/tmp", "/var/tmp"]
    return _flat([*system, ["--proc", "/proc", "--dev", "/dev"], *private, linked])


def _private(home: str) -> tuple[tuple[str, str], ...]:
    return (("1777", "/tmp"), ("1777", "/dev/shm"), ("0700", home))


def _system() -> Iterator[list[str]]:
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            yield ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            yield ["--ro-bind", str(path), str(path)]


def git(folder: Path, written: Path) -> list[str]:
    """Return the arguments that let git read the repository of a worktree, and nobody write to it.

    Its configuration is ours: that of the repository may hold credentials and name programs.
    """
    pointer = folder / ".git"
    if pointer.is_symlink():
        raise OSError(f"{pointer.name} in the folder of the command is a link")
    if pointer.is_dir():
        return ["--tmpfs", f"{WORKSPACE}/.git", "--remount-ro", f"{WORKSPACE}/.git"]
    if not pointer.is_file():
        return []
    admin = folder / pointer.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    objects = (admin / "commondir", admin / "index", admin / "HEAD")
    masked = bound(str(written / settings.GIT_POINTER), f"{WORKSPACE}/.git")
    if not all(path.is_file() for path in objects):
        return masked
    common = admin / (admin / "commondir").read_text(encoding="utf-8").strip()
    shown = [bound(str(admin / name), f"{GIT}/{name}") for name in ("HEAD", "index")]
    shown += [bound(str(common / "objects"), f"{GIT}/objects"), ["--dir", f"{GIT}/refs"]]
    shown += [bound(str(common / "shallow"), f"{GIT}/shallow", "--ro-bind-try")]
    return _flat([*shown, bound(str(written / settings.GIT_CONFIG), f"{GIT}/config"), masked])


def toolchain(visible: Sequence[str], repository: Path) -> list[Path]:
    """Return the folders that are shown read-only beside the system's: those of this Python and those of the path.

    Of what lies in the user's home only Python environments are shown, and what `visible` names. A tool's folder that
    holds the repository is not shown whole.
    """
    places = [Path(sys.prefix), Path(sys.base_prefix)]
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if entry.startswith("/") and os.path.isdir(entry):  # noqa: PTH112
            places += _tool(Path(entry))
    places = [part for place in places for part in _beside(repository, place)]
    places += [Path(path).expanduser() for path in visible]
    real = [Path(os.path.realpath(place)) for place in places]
    wanted = dict.fromkeys(place for place in (*places, *real) if place.exists() and not _is_system(place))
    return sorted(wanted, key=lambda place: len(place.parts))


def _beside(repository: Path, place: Path) -> list[Path]:
    """Return a place, or its parts that belong to a tool when the repository is there or below."""
    if not _holds(place, repository):
        return [place]
    return [place / name for name in _PARTS if not _holds(place / name, repository)]


def _holds(place: Path, folder: Path) -> bool:
    return Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(place))


def _tool(folder: Path) -> list[Path]:
    prefix = folder.parent if folder.name in {"bin", "sbin"} else folder
    if (prefix / "pyvenv.cfg").is_file():
        return [prefix, *_base_of(prefix / "pyvenv.cfg")]
    if (prefix / "conda-meta").is_dir():
        return [prefix]
    if any(home == folder or home in folder.parents for home in _homes()):
        return []
    whole = prefix not in _SHARED and any((prefix / name).is_dir() for name in ("lib", "lib64", "libexec", "share"))
    return [prefix if whole else folder]


def _base_of(configuration: Path) -> Iterator[Path]:
    """Yield the folder of the Python that a virtual environment stands on."""
    for line in configuration.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip().startswith("/"):
            yield Path(value.strip()).parent


def _homes() -> set[Path]:
    named = {Path.home(), Path(os.environ.get("HOME", "/root"))}
    return {Path("/root"), *named, *(Path(os.path.realpath(home)) for home in named)}


def _is_system(place: Path) -> bool:
    real = Path(os.path.realpath(place))
    return real in _SHARED or Path("/usr") in real.parents or any(real == home for home in _homes())


def shown(places: Iterable[Path]) -> list[str]:
    """Return the arguments that show files and folders read-only where they are."""
    return _flat(["--ro-bind-try", str(place), str(place)] for place in places)


def writable(places: Mapping[Path, str]) -> list[str]:
    """Return the arguments that let folders of the host be written to at places inside."""
    return _flat(["--bind", str(source), place] for source, place in places.items())


def may_be_home(path: str) -> bool:
    """Say whether a folder may stand for the home folder: it is a full path that hides nothing a command needs."""
    taken = ("/usr", "/etc", "/proc", "/dev", "/nightwork", WORKSPACE, *(f"/{name}" for name in _SYSTEM))
    is_plain = path.startswith("/") and os.path.normpath(path) == path and path != "/"
    return is_plain and not any(path == place or path.startswith(f"{place}/") for place in taken)


def sealed() -> list[str]:
    """Return the arguments that come last: what was made for mounting is not written to.

    Nor is /proc: when nightwork runs as root, the kernel's settings below /proc/sys would obey a command's user too.
    """
    return _flat(["--remount-ro", place] for place in ("/proc", "/dev", "/"))


def bound(source: str, place: str, how: str = "--ro-bind") -> list[str]:
    """Return the arguments that show a file or folder read-only at a place inside."""
    return [how, source, place]


def _flat(parts: Iterable[Iterable[str]]) -> list[str]:
    return [word for part in parts for word in part]
