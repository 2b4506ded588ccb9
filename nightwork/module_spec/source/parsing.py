"""Paths of files in, their skeletons out: what a helper process does. It imports what parsing needs, nothing else."""

from __future__ import annotations

import contextlib
import os
import pickle
import stat
from collections.abc import Iterator
from dataclasses import fields
from hashlib import blake2b
from io import BytesIO
from operator import attrgetter
from typing import Any

from nightwork.module_spec.source.language import language_of
from nightwork.module_spec.source.skeleton import Import, Marker, Raised, Skeleton, Symbol

MOST_BYTES = 10_000_000  # the tree of a list of small numbers takes 300 times its source
MOST_HASHED = 100_000_000  # a sparse file takes no room, and may be larger than any memory
_BLOCK = 1 << 20
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def answer(request: bytes) -> bytes:
    """Return the pickled skeletons of files; the request is their root and their paths, null bytes between them."""
    root, *paths = os.fsdecode(request).split("\0")
    file = BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump([read_file(root, path) for path in paths])
    return file.getvalue()


def read_file(root: str, path: str) -> Skeleton:
    """Return the skeleton of a source file, with an error when it cannot be read; nothing but plain files is opened."""
    try:
        source = b"".join(_blocks(root, path, MOST_BYTES))
    except OSError as error:
        return unread(root, path, f"cannot be read: {error.strerror}")
    except ValueError as error:
        return unread(root, path, str(error))
    language = language_of(path)
    return language.read(path, source) if language else unread(root, path, "in a language that is not known")


def unread(root: str, path: str, why: str) -> Skeleton:
    """Return the skeleton of a file that nobody parsed; its hash is that of its first `MOST_HASHED` bytes."""
    language = language_of(path)
    hashed = blake2b(digest_size=16)
    size = lines = 0
    with contextlib.suppress(OSError, ValueError):
        for block in _blocks(root, path):
            hashed.update(block)
            size, lines = size + len(block), lines + block.count(b"\n")
    name = language.name if language else ""
    return Skeleton(path, name, size, lines, hashed.hexdigest(), tree_hash=hashed.hexdigest(), error=why)


def _blocks(root: str, path: str, limit: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes; raises ValueError for what is no plain file or holds more than `limit` bytes."""
    descriptor = os.open(os.path.join(root, path), _PLAIN)  # noqa: PTH118
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("is no plain file")
        if limit is not None and about.st_size > limit:
            raise ValueError(f"is too large: more than {limit:,} bytes")
        left = min(about.st_size, MOST_HASHED)
        while left > 0 and (block := os.read(descriptor, min(left, _BLOCK))):
            left -= len(block)
            yield block
    finally:
        os.close(descriptor)


class _Pickler(pickle.Pickler):
    """Writes data classes as calls of themselves, several times as fast to read as what they do by default."""

    def reducer_override(self, value: Any) -> Any:
        values = _VALUES.get(type(value))
        return (type(value), values(value)) if values else NotImplemented


_VALUES = {
    kind: attrgetter(*(each.name for each in fields(kind))) for kind in (Import, Marker, Raised, Skeleton, Symbol)
}
