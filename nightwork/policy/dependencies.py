"""The dependencies that a manifest names, for the common ecosystems; their versions do not matter here.

A dependency that is fetched from elsewhere than the registry, a URL or a folder, is another one than by name alone.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

import yaml

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ELSEWHERE = re.compile(
    r"(?i)^(?:git|github|gitlab|bitbucket|https?|ssh|file|link|portal|patch|npm)[+:]|^\.{0,2}/|@git"
)


class Unreadable(ValueError):
    """A manifest that cannot be read: nobody knows what it installs."""


def dependencies(path: str, text: str) -> frozenset[str] | None:
    """Return the dependencies that a file names; None when it is no manifest. Raises Unreadable."""
    name = PurePosixPath(path).name.lower()
    reader = next((read for pattern, read in _READERS if fnmatchcase(name, pattern)), None)
    if reader is None:
        return None
    try:
        return frozenset(reader(text))
    except (
        ValueError,
        TypeError,
        AttributeError,
        SyntaxError,
        RecursionError,
        configparser.Error,
        yaml.YAMLError,
    ) as e:
        raise Unreadable(str(e)[:200]) from e


def _python_name(requirement: str) -> Iterator[str]:
    """Yield the normalised name (PEP 503) of a requirement (PEP 508)."""
    requirement = requirement.strip()
    if _ELSEWHERE.match(requirement):
        yield requirement.split("#")[0].strip()
    elif match := _NAME.match(requirement):
        name = re.sub(r"[-_.]+", "-", match[0]).lower()
        url = requirement.partition("@")[2].strip() if "@" in requirement else ""
        yield f"{name} from {url.split('#')[0].split(';')[0].strip()}" if url else name


def _requirements(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        said = re.sub(r"(^|\s)#.*", "", line).strip()
        option = re.match(
            r"(?:-e|--editable|-r|--requirement|-i|--index-url|--extra-index-url|-f|--find-links)[ =]*(.+)", said
        )
        if option:
            yield said
        elif said and not said.startswith("-"):
            yield from _python_name(said)


def _pyproject(text: str) -> Iterator[str]:
    data = tomllib.loads(text)
    project, tool = _table(data, "project"), _table(data, "tool")
    groups = [project.get("dependencies", []), _table(data, "build-system").get("requires", [])]
    groups += [*_table(project, "optional-dependencies").values(), *_table(data, "dependency-groups").values()]
    groups += [_table(tool, "uv").get("dev-dependencies", []), *_table(tool, "pdm", "dev-dependencies").values()]
    for group in groups:
        for requirement in group:
            if isinstance(requirement, str):
                yield from _python_name(requirement)
    poetry = _table(tool, "poetry")
    tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
    tables += [_table(group, "dependencies") for group in _table(poetry, "group").values()]
    tables += [_table(tool, "uv", "sources")]
    for table in tables:
        for name, spec in table.items():
            if name.lower() != "python":
                yield from _sourced(re.sub(r"[-_.]+", "-", name).lower(), spec)


def _table(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key, {}) if isinstance(data, Mapping) else {}
    return dict(data) if isinstance(data, Mapping) else {}


def _sourced(name: str, spec: Any) -> Iterator[str]:
    """Yield a name, and where it comes from when that is not the registry."""
    if isinstance(spec, list):
        for each in spec:
            yield from _sourced(name, each)
        return
    wanted = ("git", "url", "path", "file", "registry", "index", "source", "package")
    source = " ".join(str(spec[key]) for key in wanted if key in spec) if isinstance(spec, Mapping) else ""
    if isinstance(spec, str) and _ELSEWHERE.match(spec):
        source = spec
    yield f"{name} from {source}" if source else name


def _setup_cfg(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    sections = [("options", "install_requires"), ("options", "setup_requires")]
    sections += (
        [("options.extras_require", key) for key in parser["options.extras_require"]]
        if (parser.has_section("options.extras_require"))
        else []
    )
    for section, key in sections:
        yield from _requirements(parser.get(section, key, fallback=""))


def _setup_py(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.keyword) and node.arg in {"install_requires", "setup_requires", "extras_require"}:
            for each in ast.walk(node.value):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield from _python_name(each.value)


def _named_tables(*keys: str) -> Callable[[Any], Iterator[str]]:
    def read(data: Any) -> Iterator[str]:
        for key in keys:
            for name, spec in _table(data, key).items():
                yield from _sourced(name, spec)

    return read


_NPM = _named_tables(
    "dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "overrides", "resolutions"
)
_COMPOSER = _named_tables("require", "require-dev")
_PIPFILE = _named_tables("packages", "dev-packages")
_CARGO = _named_tables("dependencies", "dev-dependencies", "build-dependencies")
_PUBSPEC = _named_tables("dependencies", "dev_dependencies", "dependency_overrides")


def _cargo(text: str) -> Iterator[str]:
    data = tomllib.loads(text)
    targets = _table(data, "target").values()
    for part in (data, _table(data, "workspace"), *targets, *(_table(data, "patch").values())):
        yield from _CARGO(part)


def _go_mod(text: str) -> Iterator[str]:
    for line in text.splitlines():
        said = line.partition("//")[0].strip()
        if match := re.match(r"(?:require\s+|replace\s+)?([\w.-]+\.[\w.-]+/\S+)(?:\s+v\S+)?(\s+=>\s+\S+)?", said):
            yield match[1] + re.sub(r"\s+", " ", match[2] or "")


def _conda(text: str) -> Iterator[str]:
    for each in _listed(_table(yaml.safe_load(text) or {}).get("dependencies")):
        for requirement in _listed(each.get("pip")) if isinstance(each, Mapping) else [each]:
            yield from _python_name(str(requirement).rpartition("::")[2])


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def _found(pattern: str) -> Callable[[str], Iterator[str]]:
    expression = re.compile(pattern)
    return lambda text: (" ".join(filter(None, match.groups())) for match in expression.finditer(text))


_READERS: tuple[tuple[str, Callable[[str], Iterable[str]]], ...] = (
    ("*requirements*.txt", _requirements),
    ("*requirements*.in", _requirements),
    ("pyproject.toml", _pyproject),
    ("setup.cfg", _setup_cfg),
    ("setup.py", _setup_py),
    ("pipfile", lambda text: _PIPFILE(tomllib.loads(text))),
    ("environment.y*ml", _conda),
    ("package.json", lambda text: _NPM(json.loads(text))),
    ("cargo.toml", _cargo),
    ("go.mod", _go_mod),
    ("composer.json", lambda text: _COMPOSER(json.loads(text))),
    ("pubspec.yaml", lambda text: _PUBSPEC(yaml.safe_load(text) or {})),
    ("gemfile", _found(r"(?m)^\s*gem\s*\(?\s*[\"']([^\"']{1,200})")),
    ("*.gemspec", _found(r"(?m)add_(?:runtime_|development_)?dependency\s*\(?\s*[\"']([^\"']{1,200})")),
    ("pom.xml", _found(r"<groupId>\s*([^<]{1,200}?)\s*</groupId>\s*<artifactId>\s*([^<]{1,200}?)\s*</artifactId>")),
    ("*.gradle", _found(r"[\"']([\w.-]{1,100}:[\w.-]{1,100})(?::[^\"']{0,100})?[\"']")),
    ("*.gradle.kts", _found(r"[\"']([\w.-]{1,100}:[\w.-]{1,100})(?::[^\"']{0,100})?[\"']")),
    ("libs.versions.toml", _found(r"[\"']([\w.-]{1,100}:[\w.-]{1,100})(?::[^\"']{0,100})?[\"']")),
    ("*.*proj", _found(r"<PackageReference\s[^>]{0,200}?Include=\"([^\"]{1,200})\"")),
    ("directory.packages.props", _found(r"<PackageVersion\s[^>]{0,200}?Include=\"([^\"]{1,200})\"")),
    ("mix.exs", _found(r"\{\s*:(\w{1,100})\s*,\s*[\"~\[gp]")),
    ("package.swift", _found(r"\.package\s*\([^)]{0,200}?url:\s*\"([^\"]{1,300})\"")),
)
