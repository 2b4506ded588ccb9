import pytest

from nightwork.module_spec.document.paths import INDEX, link, spec_path


@pytest.mark.parametrize(
    ("unit", "path"),
    [
        ("src/auth.py", "src/auth.py.spec.md"),
        ("src/auth", "src/auth.spec.md"),
        (".", "_root.spec.md"),
        ("", "_root.spec.md"),
        ("_root", "__root.spec.md"),
        ("_index", "__index.spec.md"),
        ("__index", "___index.spec.md"),
        ("a/_index", "a/_index.spec.md"),
        ("_index.py", "_index.py.spec.md"),
        ("a.py.spec.md/b.py", "a.py.spec.md_/b.py.spec.md"),
        ("a.py.spec.md_/b.py", "a.py.spec.md__/b.py.spec.md"),
        (".state/b.py", ".state_/b.py.spec.md"),
        (".reverse-spec-checkpoint.json/b.py", ".reverse-spec-checkpoint.json_/b.py.spec.md"),
        ("batch-summary-1.md/b.py", "batch-summary-1.md_/b.py.spec.md"),
    ],
)
def test_each_unit_has_a_spec_of_its_own_beside_the_index(unit: str, path: str) -> None:
    assert spec_path(unit) == path
    assert spec_path(unit) != INDEX


@pytest.mark.parametrize(
    ("unit", "base", "address"),
    [
        ("a/b.py", INDEX, "a/b.py.spec.md"),
        ("a/b.py", "a/c.py.spec.md", "b.py.spec.md"),
        ("a/b/c.py", "a/d.py.spec.md", "b/c.py.spec.md"),
        ("b.py", "a/x/c.py.spec.md", "../../b.py.spec.md"),
        ("a b(c).py", INDEX, "a%20b%28c%29.py.spec.md"),
        ("a\udcff.py", INDEX, "a%FF.py.spec.md"),
    ],
)
def test_links_are_relative_and_need_no_escaping(unit: str, base: str, address: str) -> None:
    assert link(unit, base) == address
