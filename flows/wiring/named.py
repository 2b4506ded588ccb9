"""What parameters of flows name: blocks of the Prefect server, each in the place of a value, and keys."""

from __future__ import annotations

from typing import TypeVar, cast

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from blocks.claude_credentials import ClaudeCredentials
from blocks.forge import Forge
from blocks.repository import Repository
from blocks.tracker import Tracker
from nightwork.errors import bad_input
from nightwork.llm import credentials
from nightwork.markdown import one_line
from nightwork.settings import RunOptions
from nightwork.travel import Source

B = TypeVar("B", bound=Block)


def take_credentials(block: str = "") -> None:
    """Take the keys out of the environment, so that no child process has them; a named block's key goes first."""
    credentials.take_from_environment()
    if block:
        slug = ClaudeCredentials.get_block_type_slug()
        _load(ClaudeCredentials, block.removeprefix(f"{slug}/"), "options.credentials").hold()


def source_of(repo: str) -> Source:
    """Return where a repository is: a folder, what `git clone` takes, or what the block `repository/NAME` says.

    Raises BadInput for a block that is not there or cannot be read.
    """
    block = _named(Repository, repo, "repo")
    return block.source() if block else Source(repo)


def folder_of(repo: str) -> str:
    """Return the folder that is named, itself or by a block; raises BadInput for an address, or a bad block."""
    source = source_of(repo)
    if not source.is_folder():
        told = "is no folder here; module specs are read and written in a working copy of yours, so name that"
        raise bad_input("repo", f"{one_line(source.where)[:80]!r} {told}")
    return source.where


def resolved(options: RunOptions, repo: str = ".") -> RunOptions:
    """Return the options with values for the blocks that they name; a base that the repository's block names counts
    when they name none.

    Raises BadInput for a block that is not there or cannot be read.
    """
    tracker = _named(Tracker, options.tickets, "options.tickets")
    forge = _named(Forge, options.forge, "options.forge")
    repository = _named(Repository, repo, "repo") if options.base is None else None
    found = {
        "tickets": tracker.source if tracker else None,
        "forge": forge.link if forge else None,
        "base": repository.base if repository else None,
    }
    return options.model_copy(update={key: value for key, value in found.items() if value})


def _named(kind: type[B], text: str | None, where: str) -> B | None:
    """Return the block that `<its type>/<name>` names; None when the text is a value, such as `./<its type>/<name>`."""
    prefix = f"{kind.get_block_type_slug()}/"
    if text is None or not text.startswith(prefix):
        return None
    return _load(kind, text.removeprefix(prefix), where)


def _load(kind: type[B], name: str, where: str) -> B:
    slug = kind.get_block_type_slug()
    known = _names(slug)
    if name not in known:
        told = f"there are {', '.join(known[:20])}" if known else "there is none; store one in the Prefect UI"
        path = f"; a folder of that name is ./{slug}/..." if kind is not ClaudeCredentials else ""
        raise bad_input(where, f"no block {slug}/{one_line(name)[:80]}; {told}{path}")
    try:
        # `load` is typed as both sync and async.
        return cast(B, kind.load(name, _sync=True))  # type: ignore[call-arg]
    except (ValueError, RuntimeError) as error:
        told = f"block {slug}/{name} cannot be read: {type(error).__name__}; store it anew in the Prefect UI"
        raise bad_input(where, told) from error


def _names(slug: str) -> list[str]:
    """Return the names of the blocks of one type that the server holds."""
    with get_client(sync_client=True) as client:
        try:
            documents = client.read_block_documents_by_type(slug)
        except ObjectNotFound:
            return []
    return sorted(document.name for document in documents if document.name)
