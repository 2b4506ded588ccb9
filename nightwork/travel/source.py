"""Where a repository is: a folder of this machine, or an address that git clones from."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from nightwork.errors import bad_input
from nightwork.markdown import printable
from nightwork.redact import hide
from nightwork.workspace.remote import PROTOCOLS, Access

_SCP = re.compile(r"(?:[A-Za-z0-9_][\w.+-]*@)?(?:[A-Za-z0-9][\w.-]*|\[[0-9A-Fa-f:]+\]):(?![:-])[^\s:][^\s]*")
_TOKEN_LENGTH = 20  # a user's name that is as long is a token
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Source:
    """What a person names as the repository: a folder, or an address with the token that its host asks for, if any."""

    where: str
    token: SecretStr | None = None

    def is_folder(self) -> bool:
        """Say whether it is a place on this machine rather than an address."""
        return "://" not in self.where and "::" not in self.where and not _is_scp(self.where)

    def access(self) -> Access:
        """Return the address and the credentials apart, and hide these from everything that is written.

        Raises BadInput for what git must not be given: other protocols, options, credentials over an open line.
        """
        if _is_scp(self.where):
            return Access(self.where)
        shown = self.where.split("://")[0][:40]
        if "://" not in self.where or "::" in self.where.split("//")[0] or printable(self.where) != self.where:
            raise bad_input(f"repository {shown!r}", f"is no address; {_EXPECTED}")
        try:
            parts = urlsplit(self.where)
            _ = parts.port
        except ValueError as error:
            raise bad_input(f"repository {shown}://...", f"is no address: {error}; {_EXPECTED}") from None
        return self._access(parts)

    def _access(self, parts: SplitResult) -> Access:
        host = parts.hostname or ""
        is_web = parts.scheme in {"https", "http"}
        told = parts.password or (parts.username if is_web else None)  # a token may stand as the user's name
        inside = SecretStr(unquote(told)) if told else None
        token = self.token or inside
        url = urlunsplit((parts.scheme, _without_secret(parts), parts.path.rstrip("/"), "", ""))
        for each in filter(None, (self.token, inside)):
            hide(each.get_secret_value())
        if is_web and len(parts.username or "") >= _TOKEN_LENGTH:
            hide(unquote(parts.username or ""))
        if parts.scheme not in PROTOCOLS or host.startswith("-") or re.search(r"\s", self.where):
            raise bad_input(f"repository {url!r}", f"is no address that is used; {_EXPECTED}")
        if parts.query or parts.fragment:
            raise bad_input(f"repository {url!r}", "has a part behind `?` or `#`; leave it out")
        if inside and not is_web:
            raise bad_input(f"repository {url!r}", "holds a password, which only https:// takes; leave it out")
        if parts.scheme == "http" and token and host not in _LOOPBACK:
            raise bad_input(f"repository {url!r}", "would send its token over an open line; use https://")
        secret = token.get_secret_value() if token and is_web else ""
        return Access(url, unquote(parts.username or "") if parts.password else "", secret)


_EXPECTED = f"expected a folder, {', '.join(f'{name}://' for name in PROTOCOLS)}, or user@host:path"


def _is_scp(where: str) -> bool:
    return "://" not in where and not Path(where).is_dir() and _SCP.fullmatch(where) is not None


def _without_secret(parts: SplitResult) -> str:
    """Return user and host; over https the user belongs to the password and goes with it."""
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return f"{name}@{host}" if name and parts.scheme == "ssh" else host


def copy_name(url: str) -> str:
    """Return a name for the working copy of an address: readable, and no other address's."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(re.split(r"[/:]", url.removesuffix(".git"))[-2:])).strip("-")
    return f"{readable[-60:] or 'repository'}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
