"""Which files of a project have a spec: told by names alone, and without what a graph takes to import."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from nightwork.module_spec.source.files import project_files
from nightwork.module_spec.source.language import language_of
from nightwork.spec_settings import SpecsSettings
from nightwork.testfile import is_test_file


def source_files(root: Path, settings: SpecsSettings) -> tuple[list[str], list[str]]:
    """Return the files that have a spec, and the tests, which are only read; both sorted."""
    found = [
        path
        for path in project_files(root)
        if language_of(path) and not any(fnmatchcase(path, pattern) for pattern in settings.exclude)
    ]
    if settings.tests:
        return found, []
    tests = [path for path in found if is_test_file(path)]
    return sorted(set(found) - set(tests)), tests
