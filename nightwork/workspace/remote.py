"""Another repository, reached through git: what it holds, what is fetched from it, and what is pushed to it.

Nothing is asked on a terminal, no hook of ours runs, no helper for credentials, and no transport that starts a program
of the address's choice. A secret goes to git in its environment alone.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from nightwork.errors import Infrastructure, NightworkError, bad_input
from nightwork.markdown import one_line
from nightwork.redact import redact
from nightwork.workspace.git import Git

PROTOCOLS = ("https", "http", "ssh", "git", "file")

_FETCH = ("fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
_PUSH = ("push", "--porcelain", "--atomic", "--no-verify", "--no-recurse-submodules", "--no-signed")
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_TRACE_REDACT": "1",
}
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
_OPTIONS = {
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "60",
}

# What git says when the address or the right to it is wrong, so that trying again is no use.
_WRONG = re.compile(
    r"(?i)could not read (?:username|password)|authentication failed|permission denied|access denied|error: 40[134]"
    r"|repository '?[^\n]{0,300}'? not found|does not appear to be a git repository|does not exist"
    r"|host key verification failed|no such file or directory|unable to update url base from redirection|not allowed"
    r"|does not support --atomic|deny updating|not a valid repository|no supported authentication|not authorized"
)

# What git says when a ref was not as expected, though it may be so again: another took a lease and gave it back since.
_LOST = re.compile(r"stale info|atomic push failed for ref|but expected [0-9a-f]{40}|reference already exists")


@dataclass(frozen=True)
class Update:
    """One ref of the other side to change: to `new` (None: delete it), if it is `expected` there (None: absent)."""

    ref: str
    new: str | None
    expected: str | None


@dataclass(frozen=True)
class Access:
    """Where a repository is, without credentials, and the credentials that its host asks for, if any."""

    url: str
    user: str = ""
    secret: str = ""

    def options(self) -> dict[str, str]:
        """Return the configuration with which git presents the credentials to this host, and to no other."""
        if not self.secret:
            return {"http.followRedirects": "initial"}
        pair = base64.b64encode(f"{self.user or 'x-access-token'}:{self.secret}".encode()).decode()
        parts = urlsplit(self.url)
        header = f"http.{parts.scheme}://{parts.netloc}/.extraHeader"
        return {"http.followRedirects": "false", header: f"Authorization: Basic {pair}"}


class Remote:
    """The repository at an address, seen from the repository in `folder`."""

    def __init__(self, folder: Path, access: Access) -> None:
        self.url = access.url
        self._git = Git(folder, _OPTIONS | access.options())
        own_ssh = {} if "GIT_SSH_COMMAND" in os.environ else {"GIT_SSH_COMMAND": _SSH}
        self._environment: Mapping[str, str] = {**_ENVIRONMENT, **own_ssh}

    def refs(self, *patterns: str) -> dict[str, str]:
        """Return the refs that match, with what they point at."""
        told = self._run("ls-remote", "--quiet", "--refs", "--", self.url, *patterns)
        pairs = [line.partition("\t") for line in told.splitlines()]
        return {ref: sha for sha, _, ref in pairs}

    def head(self) -> tuple[str | None, str | None]:
        """Return the default branch, None when its HEAD stands on none, and its commit, None when there is none."""
        branch, commit = None, None
        for line in self._run("ls-remote", "--quiet", "--symref", "--", self.url, "HEAD").splitlines():
            what, _, ref = line.partition("\t")
            if ref == "HEAD" and what.startswith("ref: "):
                branch = what.removeprefix("ref: refs/heads/")
            elif ref == "HEAD":
                commit = what
        return branch, commit

    def fetch(self, *refspecs: str, prune: bool = False) -> None:
        """Bring over what the refspecs name; with `prune`, drop the names there whose origin is gone."""
        self._run(*_FETCH, *(("--prune",) if prune else ()), "--", self.url, *refspecs)

    def push(self, updates: Sequence[Update]) -> bool:
        """Change refs of the other side, all or none of them; returns False when one is not as it was expected.

        Raises BadInput when the other side takes none of it, and Infrastructure when nobody knows what came of it.
        """
        leases = [f"--force-with-lease={each.ref}:{each.expected or ''}" for each in updates]
        changes = [f"{each.new or ''}:{each.ref}" for each in updates]
        code, out, said = self._status(*_PUSH, *leases, "--", self.url, *changes)
        if code == 0:
            return True
        told = self.refs(*(each.ref for each in updates))
        if all(told.get(each.ref) == each.new for each in updates):
            return True
        if any(told.get(each.ref) != each.expected for each in updates) or _LOST.search(out + said):
            return False
        refused = [line for line in out.splitlines() if line.startswith("!")]
        if refused and "failed to update ref" not in out and "lock ref" not in said:
            problem = f"takes no state of nightwork: {_shown(refused[0])} {_shown(said)}"
            raise bad_input(self.url, f"{problem}; it takes the right to push refs/nightwork/* and agent/* branches")
        raise self._error(said or out)

    def _run(self, *arguments: str) -> str:
        code, out, said = self._status(*arguments)
        if code:
            raise self._error(said or out)
        return out

    def _status(self, *arguments: str) -> tuple[int, str, str]:
        return self._git.status(*arguments, env=self._environment)

    def _error(self, said: str) -> NightworkError:
        told = _shown(said)
        if _WRONG.search(said):
            return bad_input(self.url, f"cannot be used: {told}; check the address, and who may read and push there")
        return Infrastructure(self.url, f"could not be reached: {told}")


def _shown(said: str) -> str:
    return redact(one_line(said))[:600]
