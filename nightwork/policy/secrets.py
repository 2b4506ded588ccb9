"""The secret scan of a change: added lines, names of files, and the readable parts of binary files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from nightwork.agent.results import Trigger
from nightwork.policy.held import Held
from nightwork.redact import find, redact
from nightwork.workspace import Repository
from nightwork.workspace.entries import LINK, TreeEntry

MAX_SCANNED = 20_000_000  # bytes of one file; a larger one is held unseen
_MAX_LINES = 1_000_000  # bytes of a file whose changed lines are told apart


def held_secrets(repository: Repository, old: str, new: str, entries: Sequence[TreeEntry]) -> Iterator[Held]:
    """Yield what a change brings that looks like a secret; what stood in the file before is not new."""
    lines = repository.line_changes(old, new, repository.changes(old, new), _MAX_LINES)
    sizes = repository.blob_sizes([entry.new_blob for entry in entries if entry.new_blob])
    for entry in entries:
        if entry.new_blob is None:
            continue
        yield from _in_name(entry)
        if sizes.get(entry.new_blob, 0) > MAX_SCANNED:
            seen = f"unseen\0{entry.path}\0{entry.new_blob}"
            yield Held(Trigger.SECURITY, f"{entry.name}: too large to be searched for secrets", seen, entry.path)
            continue
        if entry.is_file or entry.new_mode == LINK:
            changed = lines.get(entry.path)  # a name that cannot be shown may be shown as another one's
            after = "\n".join(text for _, text in changed.added) if changed else _text(repository, entry.new_blob)
            before = "\n".join(changed.removed) if changed else _text(repository, entry.old_blob)
            yield from _in_text(entry, after, before)


def _in_name(entry: TreeEntry) -> Iterator[Held]:
    for match in find(entry.path):
        seen = f"filename\0{entry.path}"
        yield Held(
            Trigger.SECURITY, f"{redact(entry.name)}: its name holds what looks like a {match.kind}", seen, entry.path
        )


def _in_text(entry: TreeEntry, after: str, before: str) -> Iterator[Held]:
    told: set[str] = set()
    for text in dict.fromkeys((after.replace("\0", "\n"), after.replace("\0", ""))):  # the latter reads UTF-16
        for match in find(text):
            secret = text[match.start : match.end]
            digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:16]
            if secret not in before.replace("\0", "") and digest not in told:
                told.add(digest)
                said = f"{redact(entry.name)}: holds what looks like a {match.kind}"
                yield Held(Trigger.SECURITY, said, f"secret\0{entry.path}\0{digest}", entry.path)


def _text(repository: Repository, blob: str | None) -> str:
    return repository.blob(blob).decode("utf-8", "replace") if blob else ""
