"""Whether anything is to be done at all, told from bytes alone: no syntax is read, nothing else is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nightwork.module_spec.document.hashes import hash_of_bytes, hash_of_files
from nightwork.module_spec.document.header import digest
from nightwork.module_spec.document.written import Specs
from nightwork.module_spec.job import made_with
from nightwork.module_spec.source.files import plain_bytes
from nightwork.module_spec.source.parsing import MOST_HASHED
from nightwork.module_spec.source.selection import source_files
from nightwork.module_spec.source.units import units_of
from nightwork.spec_settings import NO_MODEL, SpecsSettings


def modules_when_current(root: Path, settings: SpecsSettings) -> list[str] | None:
    """Return all modules when every spec and the index are as a run would leave them; else None.

    That is: the index was written by a run that left nothing to do, every file's bytes are those that this run saw, and
    no spec is gone or changed.
    """
    specs = Specs(root)
    index = specs.read_index()
    if index is None or not index.is_complete or settings.model not in {NO_MODEL, index.model}:
        return None
    files, tests = source_files(root, settings)
    units = units_of(files, settings.unit)
    standing: dict[str, str] = {}
    sources: dict[str, str] = {}
    for name, unit in units.items():
        written = specs.read(unit)
        if written is None or written.is_edited:
            return None
        sources[name] = hash_of_files(
            {path: hash_of_bytes(plain_bytes(root / path, MOST_HASHED) or b"") for path in unit.files}
        )
        standing[name] = written.header.text_hash
    return list(units) if index.covers == covered(standing, sources, tests, settings) else None


def covered(
    standing: Mapping[str, str], sources: Mapping[str, str], tests: Sequence[str], settings: SpecsSettings
) -> str:
    """Return the digest of all that an index is made of: specs and sources by module, test files, settings."""
    parts = [part for name in sorted(standing) for part in (name, standing[name], sources[name])]
    return digest(made_with(settings), *settings.source_roots, "specs", *parts, "tests", *sorted(tests))
