"""Which files are tests, told by their names alone."""

from __future__ import annotations

import re

_TEST_FILE = re.compile(
    r"""
    (^|/)(tests?|__tests__|__snapshots__)/     # whatever stands in a folder of tests, data and snapshots too
    | (^|/)specs?/.*\.(rb|coffee|[cm]?[jt]sx?)$
    | (^|/)(test_[^/]*|tests?|conftest)\.py$
    | _(test|tests|spec)\.\w+$                 # Python, Go, Ruby, C++, Dart, Elixir
    | \.(test|tests|spec|cy)\.[cm]?[jt]sx?$
    | (^|/)tests?\.(java|kt|groovy|scala|cs|fs|vb|php|swift)$
    """,
    re.VERBOSE,
)

# `OrderTest.java`, `OrderTests.cs`; not `Latest.java`.
_CAMEL_TEST = re.compile(r"(^|[/a-z0-9_])Tests?\.(java|kt|groovy|scala|cs|fs|vb|php|swift)$")


def is_test_file(path: str) -> bool:
    """Tell by its name whether a file is a test, or belongs to tests."""
    return bool(_TEST_FILE.search(path.lower()) or _CAMEL_TEST.search(path))
