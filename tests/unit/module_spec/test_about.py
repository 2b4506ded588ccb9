import os

import pytest
from spec_projects import write

from nightwork.module_spec.about import about, about_package, project_name
from nightwork.module_spec.source.scan import scan
from nightwork.spec_settings import SpecsSettings

PROJECT = '[project]\nname = "shop"\ndescription = "Sells things."\n'


@pytest.mark.parametrize(
    ("files", "name", "said"),
    [
        ({}, "folder", ""),
        ({"pyproject.toml": PROJECT}, "shop", "Sells things."),
        ({"package.json": '{"name": "web", "description": "Shows."}'}, "web", "Shows."),
        ({"pyproject.toml": "[tool.x]\n", "package.json": '{"name": "web"}'}, "web", ""),
        ({"pyproject.toml": PROJECT, "README.md": "# Shop\n\nReally sells.\n"}, "shop", "Really sells."),
        ({"pyproject.toml": "[project\n", "package.json": "[1]"}, "folder", ""),
        ({"pyproject.toml": "project = 1\n", "package.json": '{"name": 1}'}, "folder", ""),
        ({"package.json": "[" * 100_000}, "folder", ""),
        ({"pyproject.toml": b"\xff", "README.md": b"caf\xe9 sells\n"}, "folder", "caf\ufffd sells"),
    ],
)
def test_a_project_is_called_what_it_calls_itself(tmp_path, files, name, said):
    root = write(tmp_path / "folder", files)
    root.mkdir(exist_ok=True)
    assert (project_name(root), about(root)) == (name, said)


def test_only_plain_files_are_read(tmp_path):
    (tmp_path / "README.md").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pyproject.toml")
    assert (project_name(tmp_path), about(tmp_path)) == (tmp_path.name, "")


@pytest.mark.parametrize(
    ("packages", "said"), [(["shop"], "It sells."), (["src/shop"], "It sells."), (["shop", "web"], ""), (["a/b"], "")]
)
def test_the_only_package_speaks_for_a_project(tmp_path, packages, said):
    root = write(tmp_path, {f"{each}/__init__.py": '"""It sells."""\n' for each in packages})
    assert about_package(scan(root, SpecsSettings())) == said
