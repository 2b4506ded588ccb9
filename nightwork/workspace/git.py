"""Runs git, through GitPython, so that nothing of the repository or the user is executed or changed by it.

No hook, filter, merge driver or file-system monitor runs, no configuration of the user or the system is read, nothing
is asked on a terminal and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

import git

from nightwork.errors import GitError, Infrastructure
from nightwork.files import refuse_full_disk

_QUIET = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.safecrlf": "false",
    "core.trustctime": "true",
    "core.checkStat": "default",
    "core.quotePath": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.fsync": "committed",  # git's own default leaves loose objects to the system: a power cut would lose them
    "core.fsyncMethod": "batch",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "checkout.workers": "0",
    "safe.directory": "*",
    "advice.detachedHead": "false",
    "commit.gpgSign": "false",
    "diff.renames": "true",
}
_DRIVERS = ("filter", "merge", "diff")


class Git:
    """Git commands in one folder; raises GitError with what git said."""

    def __init__(self, folder: Path, options: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._options = {**_QUIET, **(options or {})}

    def __call__(self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run `git ARGUMENTS` and return what it printed, without the last newline."""
        code, out, said = self.status(*arguments, stdin=stdin, env=env)
        if code:
            error = GitError("git " + " ".join(arguments[:4]), code, said or out)
            refuse_full_disk(self.folder, str(error))
            raise error
        return out.removesuffix("\n")

    def status(
        self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Run `git ARGUMENTS`; returns the exit code, all that it printed, and what it said on standard error."""
        with _source(stdin) as source:
            try:
                code, out, said = git.Git(str(self.folder)).execute(
                    [*_without_inherited(), "git", "--literal-pathspecs", *arguments],
                    istream=source,
                    env={**_ENVIRONMENT, **_as_environment(self._options), **(env or {})},
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                )
            except git.GitCommandNotFound as error:
                raise Infrastructure("git", "not found; install git 2.39 or newer") from error
        text = out if isinstance(out, str) else bytes(out or b"").decode("utf-8", "surrogateescape")
        return int(code), text, said if isinstance(said, str) else bytes(said or b"").decode("utf-8", "replace")

    def without_drivers(self) -> Git:
        """Return a Git for which the programs that the repository's own configuration names are replaced by git's own.

        Included files and the worktree's own configuration count as well.
        """
        code, names, _ = self.status(
            "config", "--includes", "--null", "--name-only", "--get-regexp", rf"^({'|'.join(_DRIVERS)})\."
        )
        options: dict[str, str] = {}
        for name in names.split("\0") if code == 0 else []:
            program = name.rpartition(".")[2].casefold()
            if program in {"clean", "smudge", "process", "textconv", "command"}:
                options[name] = ""
            elif program == "required":
                options[name] = "false"
            elif program == "driver":
                options[name] = "git merge-file --quiet %A %O %B"  # an empty one makes git merge-tree die
        return Git(self.folder, {**self._options, **options})

    def at(self, folder: Path) -> Git:
        """Return the same Git in another folder."""
        return Git(folder, self._options)


@contextlib.contextmanager
def _source(text: str | None) -> Iterator[BinaryIO | None]:
    """Give what a command reads: a file, so that no pipe can fill up; None for nothing."""
    if text is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.seek(0)
        yield cast(BinaryIO, file)


_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_AUTHOR_NAME": "nightwork",
    "GIT_AUTHOR_EMAIL": "nightwork@localhost",
    "GIT_COMMITTER_NAME": "nightwork",
    "GIT_COMMITTER_EMAIL": "nightwork@localhost",
}
_INHERITED = (
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_CONFIG_PARAMETERS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)


def _as_environment(options: Mapping[str, str]) -> dict[str, str]:
    """Pass configuration by environment: on the command line a name could not hold '='."""
    pairs = {"GIT_CONFIG_COUNT": str(len(options))}
    for number, (key, value) in enumerate(options.items()):
        pairs |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return pairs


def _without_inherited() -> list[str]:
    """Return a prefix that hides what a surrounding git (a hook, an alias) has set; GitPython cannot unset."""
    names = [name for name in _INHERITED if name in os.environ]
    return ["env", *(part for name in names for part in ("-u", name))] if names else []


def shown(path: str) -> str:
    """Return a path that can be written as JSON; bytes that are not UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
