"""Specs as small as they can be: a front matter and a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nightwork.module_spec.document.baseline import write_baseline
from nightwork.module_spec.document.header import Header
from nightwork.module_spec.source.reading import read_all


def write_spec(root: Path, files: Sequence[str]) -> Path:
    """Write the spec of a unit that is made of `files`, named after the first; returns its path."""
    skeletons = list(read_all(root, files).values())
    hashes = dict.fromkeys(("skeleton_hash", "tree_hash", "source_hash", "content_key", "text_hash", "made_with"), "0")
    header = Header(
        source_target=files[0],
        related_files=tuple(files),
        last_updated="2026-01-31",
        confidence="high",
        generated_by="nightwork 0",
        **hashes,
    )
    path = root / "specs" / f"{files[0]}.spec.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{header.as_text()}# {files[0]}\n\n{write_baseline(skeletons)}")
    return path
