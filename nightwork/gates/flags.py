"""Which changed files a person should look at apart: those that decide how the change itself is judged or built.

Names are compared without case, for some file systems do not know it, and at any depth, for monorepos.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from nightwork.change import ChangedFile
from nightwork.gates.judgement import Flag
from nightwork.testfile import is_test_file

CI = (
    ".github/workflows/*",
    ".github/actions/*",
    ".gitlab-ci*.yml",
    ".gitlab/ci/*",
    ".circleci/*",
    ".ci/*",
    ".buildkite/*",
    ".woodpecker/*",
    ".forgejo/workflows/*",
    ".gitea/workflows/*",
    ".azure-pipelines/*",
    "azure-pipelines*.yml",
    "azure-pipelines*.yaml",
    "bitbucket-pipelines.yml",
    "jenkinsfile*",
    "*.jenkinsfile",
    ".travis.yml",
    ".drone.*",
    ".woodpecker.y*ml",
    ".cirrus.yml",
    ".appveyor.yml",
    "appveyor.yml",
    "cloudbuild.y*ml",
    "codeowners",
)
HOOKS = (
    ".pre-commit-config.y*ml",
    ".pre-commit-hooks.yaml",
    ".husky/*",
    ".githooks/*",
    ".git-hooks/*",
    "lefthook*.*",
    ".lefthook*.*",
    ".gitattributes",
    ".gitmodules",
)
LOCK_FILES = (
    "*requirements*.txt",
    "requirements/*.txt",
    "*constraints*.txt",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "pipfile.lock",
    "pylock*.toml",
    "conda-lock.y*ml",
    "pixi.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "cargo.lock",
    "go.sum",
    "go.work.sum",
    "vendor/modules.txt",
    "gemfile.lock",
    "gems.locked",
    "composer.lock",
    "*.lockfile",
    "verification-metadata.xml",
    "maven-metadata.lock",
    "lockfile.json",
    "packages.lock.json",
    "paket.lock",
    "mix.lock",
    "pubspec.lock",
    "podfile.lock",
    "package.resolved",
    "flake.lock",
    ".terraform.lock.hcl",
    # From where it is installed.
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    "bunfig.toml",
    "pip.conf",
    "uv.toml",
    ".cargo/config*",
    ".bundle/config",
    "nuget.config",
    ".mvn/*",
    "gradle-wrapper.*",
)
GATE_CONFIG = (".eslintrc*", "eslint.config.*", ".flake8", ".pylintrc", "sonar-project.properties", "noxfile.py")


def path_flags(files: Sequence[ChangedFile], gate_config: Sequence[str]) -> tuple[Flag, ...]:
    """Return what the names of the changed files call for, each flag once; old names of renamed files count too.

    `gate_config` are names, paths or patterns of files that configure gates.
    """
    paths = [path.lower() for file in files for path in (file.path, file.old_path) if path]
    configs = (*GATE_CONFIG, *(pattern.lower().removeprefix("./") for pattern in gate_config))
    raised = {
        Flag.TESTS_CHANGED: any(_changes_a_test(file) for file in files),
        Flag.CI_CHANGED: _any_matches(paths, CI),
        Flag.HOOKS_CHANGED: _any_matches(paths, HOOKS),
        Flag.LOCK_FILES_CHANGED: _any_matches(paths, LOCK_FILES),
        Flag.GATE_CONFIG_CHANGED: _any_matches(paths, configs),
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)


def _changes_a_test(file: ChangedFile) -> bool:
    if any(_is_conftest(path) for path in (file.path, file.old_path or "")):
        return True
    if file.status.startswith(("A", "C")) or not is_test_file(file.old_path or file.path):
        return False
    only_adds = file.status.startswith("M") and file.deleted == 0
    return not only_adds


def _is_conftest(path: str) -> bool:
    return path.lower().rpartition("/")[2] == "conftest.py"


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether a path, or its end, is one of the names, paths or patterns, without regard to case."""
    return _any_matches([path.lower()], [pattern.lower().removeprefix("./") for pattern in patterns])


def _any_matches(paths: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, each) for path in paths for pattern in patterns for each in (pattern, f"*/{pattern}"))
