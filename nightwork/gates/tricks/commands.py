"""Which files of the repository a gate's command starts, or is told by what to run."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from nightwork.gate_settings import GateSettings
from nightwork.testfile import is_test_file

# Files that say nothing but what to run: the gates see them as they are on the base commit.
_INSTRUCTIONS = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "gmake": ("GNUmakefile", "Makefile", "makefile"),
    "tox": ("tox.ini",),
    "nox": ("noxfile.py",),
    "just": ("justfile", "Justfile", ".justfile"),
    "task": ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml"),
    "rake": ("Rakefile", "rakefile"),
    "invoke": ("tasks.py",),
    "inv": ("tasks.py",),
    "pre-commit": (".pre-commit-config.yaml",),
    "jest": ("jest.config.js", "jest.config.ts", "jest.config.mjs", "jest.config.cjs", "jest.config.json"),
    "vitest": ("vitest.config.ts", "vitest.config.js", "vitest.config.mts", "vite.config.ts", "vite.config.js"),
    "mocha": (".mocharc.js", ".mocharc.cjs", ".mocharc.json", ".mocharc.yml", ".mocharc.yaml"),
    "tsc": ("tsconfig.json",),
    "phpunit": ("phpunit.xml", "phpunit.xml.dist"),
    "rspec": (".rspec",),
    "golangci-lint": (".golangci.yml", ".golangci.yaml", ".golangci.toml"),
}
# Files that describe the product as well, so that the base's would not fit the change.
_DESCRIPTIONS = {
    "npm": ("package.json", ".npmrc"),
    "npx": ("package.json", ".npmrc"),
    "yarn": ("package.json", ".yarnrc*"),
    "pnpm": ("package.json", ".npmrc"),
    "bun": ("package.json", "bunfig.toml"),
    "deno": ("deno.json", "deno.jsonc"),
    "gradle": ("*.gradle", "*.gradle.kts", "gradle.properties"),
    "gradlew": ("*.gradle", "*.gradle.kts", "gradle.properties", "gradle/wrapper/*"),
    "mvn": ("pom.xml", ".mvn/*"),
    "mvnw": ("pom.xml", ".mvn/*"),
    "cargo": ("Cargo.toml", ".cargo/*", "build.rs"),
    "composer": ("composer.json",),
    "dotnet": ("*.csproj", "*.fsproj", "Directory.Build.*"),
    "ctest": ("CMakeLists.txt", "*.cmake"),
    "cmake": ("CMakeLists.txt", "*.cmake"),
    "bazel": ("BUILD", "BUILD.bazel", "WORKSPACE*", "MODULE.bazel", ".bazelrc"),
    "make": ("*.mk",),
    "bundle": ("Rakefile", ".rspec"),
}
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_INTERPRETERS = _SHELLS | {"python", "node", "ruby", "perl", "php", "lua", "Rscript", "source", "."}
_WRAPPERS = frozenset(
    {"env", "exec", "nice", "time", "nohup", "command", "xargs", "then", "do", "else", "if", "!", "{"}
)
_RUN_WRAPPERS = frozenset({"uv", "poetry", "pdm", "hatch", "pipenv", "rye", "pixi"})
_NPM_KEYS = ("scripts", "jest", "mocha", "ava", "nyc", "c8", "eslintConfig", "type", "packageManager", "workspaces")
_VARIABLE = re.compile(r"\w+=")


def instruction_files(gates: Sequence[GateSettings]) -> tuple[str, ...]:
    """Return the paths, relative to the top, of what the gates' commands start and of what only tells them what to run.

    They need not exist. Programs on the search path are none of them.
    """
    found: dict[str, None] = {}
    for program, script in _started(gates):
        found.update(dict.fromkeys(_INSTRUCTIONS.get(program, ())))
        if script:
            found[script] = None
    return tuple(found)


def description_files(gates: Sequence[GateSettings]) -> tuple[str, ...]:
    """Return names and patterns of files that tell a gate what to run and describe the product as well."""
    found = dict.fromkeys(name for program, _ in _started(gates) for name in _DESCRIPTIONS.get(program, ()))
    return tuple(found)


def modules_run(gates: Sequence[GateSettings]) -> frozenset[str]:
    """Return the top-level modules that gates run as `python -m`."""
    words = [(gate.command[at], after) for gate in gates for at, after in enumerate(gate.command[1:])]
    return frozenset(after.partition(".")[0] for word, after in words if word == "-m")


def changes_what_runs(before: bytes | None, after: bytes | None) -> bool:
    """Say whether two versions of a package.json differ in what `npm run` runs, or in its tools' configuration."""
    return _npm_parts(before) != _npm_parts(after)


def is_package_json(path: str) -> bool:
    """Tell whether a path is that of a package.json."""
    return fnmatchcase(posixpath.basename(path).lower(), "package.json")


def _npm_parts(source: bytes | None) -> object:
    try:
        package = json.loads(source or b"{}")
        return [package.get(key) for key in _NPM_KEYS]
    except (ValueError, AttributeError, RecursionError):
        return object()


def _started(gates: Sequence[GateSettings]) -> Iterator[tuple[str, str | None]]:
    """Yield (name of the program, path of the started file in the repository or None) of each command."""
    for gate in gates:
        for words in _simple_commands(list(gate.command)):
            yield from _programs(words)


def _programs(words: list[str]) -> Iterator[tuple[str, str | None]]:
    words = [word for at, word in enumerate(words) if at or not _VARIABLE.match(word)]
    while words and (words[0] in _WRAPPERS or _VARIABLE.match(words[0])):
        words = words[1:]
    if len(words) > 1 and words[0] in _RUN_WRAPPERS and words[1] == "run":
        words = words[2:]
    if not words:
        return
    program = posixpath.basename(words[0])
    yield program, _inside(words[0]) if "/" in words[0] else None
    if re.sub(r"[\d.]+$", "", program) in _INTERPRETERS or program in _INTERPRETERS:
        yield from _scripts(program, words[1:])


def _scripts(program: str, arguments: list[str]) -> Iterator[tuple[str, str | None]]:
    for at, word in enumerate(arguments):
        if word.startswith("-"):
            if word == "-m" and program not in _SHELLS and at + 1 < len(arguments):
                yield arguments[at + 1], None  # `python -m tox` is tox
                return
            if word.endswith("c") and at + 1 < len(arguments):
                if program in _SHELLS:
                    for words in _simple_commands(_split(arguments[at + 1])):
                        yield from _programs(words)
                return
        else:
            is_test = program not in _SHELLS and is_test_file(word)
            yield posixpath.basename(word), None if is_test else _inside(word)
            return


def _inside(path: str) -> str | None:
    normal = posixpath.normpath(path)
    return None if posixpath.isabs(normal) or normal.startswith("..") else normal


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return line.split()


def _simple_commands(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in words:
        if word and set(word) <= set(";&|()"):
            yield command
            command = []
        else:
            command.append(word)
    yield command
