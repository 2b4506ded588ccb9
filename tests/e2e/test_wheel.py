"""The wheel holds what an installation needs, and nothing of the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
UNPACK = """
import sys
from pathlib import Path
import nightwork
from nightwork.example import unpack
assert Path(nightwork.__file__).is_relative_to(sys.path[0]), nightwork.__file__
print(unpack("shop", Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    leftovers = shutil.ignore_patterns(".venv*", ".bench-*", ".git", ".*_cache", "__pycache__", ".nightwork", "bench")
    shutil.copytree(PROJECT, folder / "source", ignore=leftovers)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, folder / "source"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip(f"hatchling is not to be had here: {built.stderr[-300:]}")
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_it_carries_the_three_packages_and_the_whole_example(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    example = PROJECT / "examples" / "shop"
    wanted = [path for path in example.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"nightwork/examples/shop/{path.relative_to(example)}" for path in wanted} <= set(names)
    for package in ("nightwork", "flows", "blocks"):
        sources = list((PROJECT / package).rglob("*.py"))
        assert {str(path.relative_to(PROJECT)) for path in sources} <= set(names)


def test_it_carries_no_tests_and_no_leftovers(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"nightwork", "flows", "blocks", next(top for top in tops if top.endswith(".dist-info"))}
    assert not [name for name in names if "__pycache__" in name or ".nightwork/" in name or name.endswith(".pyc")]


def test_an_unpacked_wheel_can_unpack_the_example(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n{UNPACK}"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "shop"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shop" / "agent-script.yaml").is_file()
    assert len(list((tmp_path / "shop" / "tickets").glob("SHOP-*.md"))) == 8
    head = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path / "shop", capture_output=True, check=True)
    assert head.stdout == b""


def test_an_unpacked_wheel_knows_its_deployments_and_automations(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n"
        "from flows.control import data\n"
        "assert data.__file__.startswith(sys.path[0]), data.__file__\n"
        "print(len(data.deployments()), *data.presets(), *data.limits(), len(data.automations()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["13", "weekly", "daily", "continuous", "agents-anthropic", "13"]
