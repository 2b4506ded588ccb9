"""Which dependencies a manifest names, in the common ecosystems."""

from __future__ import annotations

import json

import pytest

from nightwork.policy.dependencies import Unreadable, dependencies

PYPROJECT = """
[build-system]
requires = ["hatchling>=1"]
[project]
dependencies = ["Rich>=1", "a_b[c]; python_version > '3'", "direct @ https://evil.example/x.whl"]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
lint = ["ruff", {include-group = "x"}]
[tool.poetry.dependencies]
python = "^3.11"
httpx = "^1"
own = {git = "https://evil.example/own.git"}
[tool.poetry.group.test.dependencies]
hypothesis = "*"
"""
NPM = {
    "dependencies": {"left-pad": "^1", "odd": "npm:evil@1"},
    "devDependencies": {"@types/node": "1", "x": "git+ssh://evil.example/x.git"},
}
CARGO = """
[dependencies]
serde = "1"
mine = { package = "evil", version = "1" }
[target."cfg(unix)".dependencies]
nix = "1"
"""
GO = """module x

require (
	github.com/a/b v1.2.3
	golang.org/x/y v0.1.0 // indirect
)
replace github.com/a/b => ../evil
"""

CASES = {
    "requirements-dev.txt": (
        "Rich>=1  # x\n-r more.txt\n\na_B==1 \\\n  --hash=sha256:ab\n", {"rich", "a-b", "-r more.txt"}
    ),
    "pyproject.toml": (
        PYPROJECT,
        {"hatchling", "rich", "a-b", "direct from https://evil.example/x.whl", "pytest", "ruff", "httpx",
         "own from https://evil.example/own.git", "hypothesis"},
    ),
    "setup.cfg": ("[options]\ninstall_requires =\n    rich>1\n    httpx\n", {"rich", "httpx"}),
    "setup.py": ("from setuptools import setup\nsetup(install_requires=['rich>1'])\n", {"rich"}),
    "web/package.json": (
        json.dumps(NPM), {"left-pad", "odd from npm:evil@1", "@types/node", "x from git+ssh://evil.example/x.git"}
    ),
    "Cargo.toml": (CARGO, {"serde", "mine from evil", "nix"}),
    "go.mod": (GO, {"github.com/a/b", "golang.org/x/y", "github.com/a/b => ../evil"}),
    "Gemfile": ("gem 'rails', '~> 7'\n  gem \"pg\"\n", {"rails", "pg"}),
    "composer.json": ('{"require": {"a/b": "1"}}', {"a/b"}),
    "Pipfile": ('[packages]\nrich = "*"\n', {"rich"}),
    "pubspec.yaml": ("dependencies:\n  http: ^1\n", {"http"}),
    "environment.yml": ("dependencies:\n  - conda-forge::numpy=1\n  - pip:\n    - rich\n", {"numpy", "rich"}),
    "pom.xml": ("<dependency><groupId>a.b</groupId><artifactId>c</artifactId></dependency>", {"a.b c"}),
    "app/build.gradle.kts": ('implementation("a.b:c:1.0")', {"a.b:c"}),
    "A.csproj": ('<PackageReference Include="Foo" Version="1" />', {"Foo"}),
    "mix.exs": ('{:plug, "~> 1"}', {"plug"}),
}  # fmt: skip


@pytest.mark.parametrize("path", CASES)
def test_the_names_in_a_manifest_are_read(path: str) -> None:
    text, names = CASES[path]
    assert dependencies(path, text) == names


def test_another_file_is_no_manifest() -> None:
    assert dependencies("src/shop.py", "import rich") is None


@pytest.mark.parametrize(
    "path", ["package.json", "pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "environment.yml"]
)
def test_a_manifest_that_cannot_be_read_is_not_taken_for_one_without_dependencies(path: str) -> None:
    with pytest.raises(Unreadable):
        dependencies(path, "{[ = \x00 'broken")


def test_a_version_makes_no_new_dependency() -> None:
    assert dependencies("requirements.txt", "rich==1") == dependencies(
        "requirements.txt", "Rich>=2; python_version>'3'"
    )
