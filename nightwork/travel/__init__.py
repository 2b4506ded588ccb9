"""Where a batch's repository is, and how a run or a person comes to a working copy of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from nightwork.lock import hold
from nightwork.workspace import Repository


@dataclass(frozen=True)
class Source:
    """Where a repository is: a folder, or what `git clone` takes; the token is for HTTPS."""

    where: str
    token: SecretStr | None = None


@contextlib.contextmanager
def visit(source: Source, what: str, *, patience_s: float = 0.0) -> Iterator[Path]:
    """Hold a repository for a run, and yield its root."""
    root = Repository.open(Path(source.where)).root
    with hold(root, what, patience_s=patience_s):
        yield root


@contextlib.contextmanager
def glance(source: Source) -> Iterator[Path]:
    """Yield the root of a repository, whoever works on it meanwhile."""
    yield Repository.open(Path(source.where)).root
