import pytest

from nightwork.change import ChangedFile
from nightwork.gates.flags import path_flags
from nightwork.gates.judgement import Flag
from nightwork.settings import Settings
from nightwork.testfile import is_test_file

GATE_CONFIG = Settings().gate_config


def changed(path: str, status: str = "M", added: int | None = 1, deleted: int | None = 1, old_path: str | None = None):
    return ChangedFile(path=path, status=status, added=added, deleted=deleted, old_path=old_path)


def flags_of(*files: ChangedFile, gate_config: tuple[str, ...] = GATE_CONFIG) -> tuple[Flag, ...]:
    return path_flags(files, gate_config)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(changed("tests/test_cart.py"), id="a test that lost a line"),
        pytest.param(changed("tests/test_cart.py", "D"), id="a deleted test"),
        pytest.param(changed("src/cart.py", "R", 0, 0, old_path="tests/test_cart.py"), id="a test that became code"),
        pytest.param(
            changed("tests/b.py", "R", 0, 0, old_path="tests/a.py"), id="a renamed test without changed lines"
        ),
        pytest.param(changed("tests/cart.png", added=None, deleted=None), id="a changed binary file among the tests"),
        pytest.param(changed("tests/test_cart.py", "T", 1, 1), id="a test that became a link"),
        pytest.param(changed("tests/expected/cart.json"), id="a changed expectation"),
        pytest.param(changed("Tests/Test_Cart.PY"), id="another case"),
        pytest.param(changed("src/cart.test.tsx"), id="TypeScript"),
        pytest.param(changed("src/__snapshots__/cart.snap"), id="a snapshot"),
        pytest.param(changed("cart_test.go"), id="Go"),
        pytest.param(changed("spec/cart.rb"), id="Ruby"),
        pytest.param(changed("src/CartTest.java"), id="Java"),
        pytest.param(changed("tests/conftest.py", "A", 5, 0), id="an added conftest"),
        pytest.param(changed("conftest.py", "M", 5, 0), id="a conftest that only grew"),
        pytest.param(changed("src/fixtures.py", "R", 0, 0, old_path="conftest.py"), id="a conftest under another name"),
    ],
)
def test_tests_are_flagged_for(file: ChangedFile) -> None:
    assert flags_of(file) == (Flag.TESTS_CHANGED,)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(changed("tests/test_cart.py", "A", 5, 0), id="an added test"),
        pytest.param(changed("tests/test_cart.py", "M", 5, 0), id="a test that only grew"),
        pytest.param(changed("tests/test_cart.py", "R", 5, 2, old_path="src/cart.py"), id="code that became a test"),
        pytest.param(changed("src/cart.py"), id="code"),
        pytest.param(changed("src/contest.py"), id="code whose name ends as a test's"),
        pytest.param(changed("specs/cart.spec.md"), id="a module spec"),
        pytest.param(changed("docs/requirements.md"), id="a document named as a lock file"),
        pytest.param(changed("src/ci/run.py"), id="a package named ci"),
    ],
)
def test_nothing_is_flagged_for(file: ChangedFile) -> None:
    assert flags_of(file) == ()


@pytest.mark.parametrize(
    ("path", "flag"),
    [
        (".github/workflows/ci.yml", Flag.CI_CHANGED),
        (".GitHub/Workflows/ci.yml", Flag.CI_CHANGED),
        (".github/actions/setup/action.yml", Flag.CI_CHANGED),
        (".gitlab-ci.yml", Flag.CI_CHANGED),
        (".circleci/config.yml", Flag.CI_CHANGED),
        ("azure-pipelines.yml", Flag.CI_CHANGED),
        ("azure-pipelines-nightly.yaml", Flag.CI_CHANGED),
        ("service/Jenkinsfile", Flag.CI_CHANGED),
        (".travis.yml", Flag.CI_CHANGED),
        (".ci/run", Flag.CI_CHANGED),
        (".buildkite/pipeline.yml", Flag.CI_CHANGED),
        ("bitbucket-pipelines.yml", Flag.CI_CHANGED),
        (".woodpecker/build.yml", Flag.CI_CHANGED),
        (".drone.yml", Flag.CI_CHANGED),
        (".pre-commit-config.yaml", Flag.HOOKS_CHANGED),
        (".husky/pre-commit", Flag.HOOKS_CHANGED),
        (".githooks/pre-push", Flag.HOOKS_CHANGED),
        ("lefthook.yml", Flag.HOOKS_CHANGED),
        (".gitattributes", Flag.HOOKS_CHANGED),
        ("lib/.gitattributes", Flag.HOOKS_CHANGED),
        (".gitmodules", Flag.HOOKS_CHANGED),
        ("poetry.lock", Flag.LOCK_FILES_CHANGED),
        ("uv.lock", Flag.LOCK_FILES_CHANGED),
        ("Pipfile.lock", Flag.LOCK_FILES_CHANGED),
        ("requirements.txt", Flag.LOCK_FILES_CHANGED),
        ("requirements-dev.txt", Flag.LOCK_FILES_CHANGED),
        ("dev-requirements.txt", Flag.LOCK_FILES_CHANGED),
        ("requirements/base.txt", Flag.LOCK_FILES_CHANGED),
        ("constraints.txt", Flag.LOCK_FILES_CHANGED),
        ("web/package-lock.json", Flag.LOCK_FILES_CHANGED),
        ("yarn.lock", Flag.LOCK_FILES_CHANGED),
        ("pnpm-lock.yaml", Flag.LOCK_FILES_CHANGED),
        ("Cargo.lock", Flag.LOCK_FILES_CHANGED),
        ("go.sum", Flag.LOCK_FILES_CHANGED),
        ("Gemfile.lock", Flag.LOCK_FILES_CHANGED),
        ("composer.lock", Flag.LOCK_FILES_CHANGED),
        ("gradle.lockfile", Flag.LOCK_FILES_CHANGED),
        ("gradle/verification-metadata.xml", Flag.LOCK_FILES_CHANGED),
        ("src/App/packages.lock.json", Flag.LOCK_FILES_CHANGED),
        ("pyproject.toml", Flag.GATE_CONFIG_CHANGED),
        ("packages/a/Ruff.toml", Flag.GATE_CONFIG_CHANGED),
        (".eslintrc.cjs", Flag.GATE_CONFIG_CHANGED),
        ("eslint.config.mjs", Flag.GATE_CONFIG_CHANGED),
        (".flake8", Flag.GATE_CONFIG_CHANGED),
        (".pylintrc", Flag.GATE_CONFIG_CHANGED),
        ("sonar-project.properties", Flag.GATE_CONFIG_CHANGED),
        ("noxfile.py", Flag.GATE_CONFIG_CHANGED),
        ("src/.secrets.baseline", Flag.GATE_CONFIG_CHANGED),
    ],
)
@pytest.mark.parametrize("status", ["A", "M", "D"])
def test_a_file_that_decides_how_the_change_is_judged_is_flagged(path: str, flag: Flag, status: str) -> None:
    assert flags_of(changed(path, status, 1, 0)) == (flag,)


def test_the_old_name_of_a_renamed_file_counts() -> None:
    assert flags_of(changed("old/ci.txt", "R", 0, 0, old_path=".github/workflows/ci.yml")) == (Flag.CI_CHANGED,)


def test_gate_config_may_be_a_path_or_a_pattern() -> None:
    config = ("./config/Lint.yml", "*.rules")
    assert flags_of(changed("app/config/lint.yml"), gate_config=config) == (Flag.GATE_CONFIG_CHANGED,)
    assert flags_of(changed("a/b/c.RULES"), gate_config=config) == (Flag.GATE_CONFIG_CHANGED,)
    assert flags_of(changed("lint.yml"), gate_config=config) == ()


def test_each_flag_comes_once_and_in_one_order() -> None:
    files = [changed("uv.lock"), changed("tests/test_b.py"), changed("tests/test_a.py"), changed("poetry.lock")]
    assert flags_of(*files) == (Flag.TESTS_CHANGED, Flag.LOCK_FILES_CHANGED)


def test_a_code_file_is_no_test_file() -> None:
    assert not is_test_file("src/attest/latest.py")


@pytest.mark.parametrize(
    ("path", "is_test"),
    [("src/Latest.java", False), ("src/Contest.kt", False), ("src/ContestTest.kt", True), ("Tests.cs", True)],
)
def test_a_name_that_only_ends_like_a_test_is_none(path, is_test):
    assert is_test_file(path) is is_test
