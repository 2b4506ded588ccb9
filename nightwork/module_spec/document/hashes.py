"""The hashes of a unit that stand in its spec's front matter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from nightwork.module_spec.document.header import digest
from nightwork.module_spec.source.skeleton import Skeleton


def skeleton_hash(skeletons: Sequence[Skeleton]) -> str:
    """Return the hash of what others see of a unit: its public names, their signatures and what is said of them."""
    parts = [
        part
        for skeleton in skeletons
        for part in (
            skeleton.path,
            *(
                text
                for each in skeleton.public()
                for text in (each.kind, each.name, each.face, each.summary, *each.decorators)
            ),
        )
    ]
    return digest(*parts)


def tree_hash(skeletons: Sequence[Skeleton]) -> str:
    """Return the hash of the syntax trees of a unit's files."""
    return digest(*(part for each in skeletons for part in (each.path, each.tree_hash or each.source_hash)))


def source_hash(skeletons: Sequence[Skeleton]) -> str:
    """Return the hash of the bytes of a unit's files."""
    return hash_of_files({skeleton.path: skeleton.source_hash for skeleton in skeletons})


def hash_of_files(hashes: Mapping[str, str]) -> str:
    """Return the hash of the bytes of some files from the hash of each, by path."""
    return digest(*(part for path in sorted(hashes) for part in (path, hashes[path])))


def hash_of_bytes(data: bytes) -> str:
    """Return the hash of a file's bytes, as a skeleton holds it."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
