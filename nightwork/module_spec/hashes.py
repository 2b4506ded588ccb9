"""The hashes of a unit that stand in its spec's front matter."""

from __future__ import annotations

from collections.abc import Sequence

from nightwork.module_spec.header import digest
from nightwork.module_spec.skeleton import Skeleton


def skeleton_hash(skeletons: Sequence[Skeleton]) -> str:
    """Return the hash of what others see of a unit: its public names with their signatures."""
    parts = [
        part
        for skeleton in skeletons
        for part in (
            skeleton.path,
            *(text for each in skeleton.public() for text in (each.kind, each.name, each.signature, *each.decorators)),
        )
    ]
    return digest(*parts)


def tree_hash(skeletons: Sequence[Skeleton]) -> str:
    """Return the hash of the syntax trees of a unit's files."""
    return digest(*(part for skeleton in skeletons for part in (skeleton.path, skeleton.tree_hash)))


def source_hash(skeletons: Sequence[Skeleton]) -> str:
    """Return the hash of the bytes of a unit's files."""
    return digest(*(part for skeleton in skeletons for part in (skeleton.path, skeleton.source_hash)))
