"""Paths as the most forgiving file system reads them, and links that lead out."""

from __future__ import annotations

import pytest

from nightwork.policy.paths import leads_out, plain


@pytest.mark.parametrize(
    "path",
    [".GitHub/x", ".git\u200bhub/x", ".\uff47ithub/x", ".github./x", ".github /x", ".gith\u00adub/x", ".GITHUB/X"],
)
def test_paths_that_a_file_system_takes_for_the_same_are_the_same(path: str) -> None:
    assert plain(path) == ".github/x"


@pytest.mark.parametrize("path", ["a/b.txt", "..a/b", "a/...", "über/x"])
def test_other_paths_stay(path: str) -> None:
    assert plain(path) == path or plain(path).startswith("a/")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a", "/etc/passwd"),
        ("a", ".."),
        ("a", "../x"),
        ("a/b", "../../x"),
        ("a/b", "c/../../.."),
        ("a", "b/../c"),
        ("a", ".git"),
        ("a/b", "../.git/config"),
        ("a", ".GIT/config"),
        ("a", "..\\x"),
    ],
)
def test_a_link_that_leads_out_is_found(path: str, target: str) -> None:
    assert leads_out(path, target)


@pytest.mark.parametrize(
    ("path", "target"), [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d/e"), ("a", "./b"), ("a", "..b")]
)
def test_a_link_within_is_let_be(path: str, target: str) -> None:
    assert not leads_out(path, target)
