"""Whether anything is to be done at all, told from bytes alone: no syntax is read, no model and no Prefect is needed."""

from __future__ import annotations

from pathlib import Path

from nightwork.module_spec.header import digest, hash_of_bytes
from nightwork.module_spec.run import made_with
from nightwork.module_spec.scan import source_files
from nightwork.module_spec.units import units_of
from nightwork.module_spec.written import Specs, source_hash
from nightwork.settings import Settings
from nightwork.spec_settings import NO_MODEL


def modules_when_current(root: Path, settings: Settings) -> int | None:
    """Return how many modules there are when every spec and the index are as a run would write them; else None.

    That is: the index was written by a run with these settings that left nothing to do, every file's bytes are those
    that the specs were made of, and no spec is gone or changed.
    """
    files, tests = source_files(root, settings.specs)
    units = units_of(files, settings.specs.unit)
    specs = Specs(root)
    index = specs.read_index()
    if index is None or not index.is_complete or index.model not in {settings.specs.model, _any_model(settings)}:
        return None
    standing: dict[str, str] = {}
    for name, unit in units.items():
        written = specs.read(unit)
        if written is None or written.is_edited:
            return None
        hashes = {path: hash_of_bytes((root / path).read_bytes()) for path in unit.files}
        if written.header.source_hash != source_hash(hashes):
            return None
        standing[name] = written.header.text_hash
    return len(units) if index.covers == covered(standing, tests, settings) else None


def covered(standing: dict[str, str], tests: list[str], settings: Settings) -> str:
    """Return the digest of all that an index is made of: the specs by module, the test files, the settings."""
    parts = [part for name in sorted(standing) for part in (name, standing[name])]
    return digest(made_with(settings.specs), *parts, "tests", *sorted(tests))
