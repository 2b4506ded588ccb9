from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from spec_views import SHOP, C, symbol

from nightwork.module_spec.render.index import IndexRow, render_index
from nightwork.module_spec.source.project import Edge, Project, Unit
from nightwork.module_spec.source.skeleton import EdgeKind, Skeleton

SECTIONS = [
    "Purpose", "Dependency graph", "Cross-cutting modules", "Import cycles", "Stack", "Tests", "Files with errors", "Modules",
]  # fmt: skip


def project(paths: list[str], **more: object) -> Project:
    skeletons = {path: replace(SHOP, path=path, symbols=(symbol("A", C, "class A"),)) for path in paths}
    values: dict[str, object] = {
        "root": Path("/somewhere"),
        "name": "shop",
        "units": {path: Unit(path, (path,)) for path in paths},
        "skeletons": skeletons,
        "needs": {path: (Edge(paths[0], EdgeKind.TOP_LEVEL, 1),) for path in paths[1:]},
        "needed_by": {paths[0]: tuple(paths[1:])},
        "external": dict.fromkeys(paths, ("attrs", "os")),
        "tests": {paths[0]: ("tests/test_a.py",)},
        "order": tuple(paths),
    }
    return Project(**{**values, **more})  # type: ignore[arg-type]


PATHS = ["app.py", "shop/cart.py", "shop/money.py", "shop/web/site.py"]
ROWS = [
    IndexRow("app.py", "written", "high", "Starts `shop`."),
    IndexRow("shop/cart.py", "current", "medium", "Carts."),
    IndexRow("shop/money.py", "failed: no answer | really", "", "", has_spec=False),
]


def index(of: Project | None = None, rows: list[IndexRow] = ROWS, about: str = "Sells *things*.") -> str:
    return render_index(of or project(PATHS), rows, about)


def headings(text: str, tag: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(text)
    return [
        tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open" and token.tag == tag
    ]


@pytest.mark.parametrize(
    "said",
    [
        "# shop: module specs\n\n## Purpose\n\nSells \\*things\\*.\n\n4 modules, 320 lines. Specs: 1 current, 1 failed, 1 no spec yet, 1 written.",
        "| [`app.py`](app.py.spec.md) | Starts `shop`. | written | high | 1 | 80 |",
        "### `shop`",
        "| [`cart.py`](shop/cart.py.spec.md) | Carts. | current | medium | 1 | 80 |",
        "| `money.py` |  | failed: no answer \\| really |  | 1 | 80 |",
        "### `shop/web`",
        "| `site.py` |  | no spec yet |  | 1 | 80 |",
        '    n1["shop/cart.py"]\n    n2["app.py"]',
        "| [`app.py`](app.py.spec.md) | 3 | Starts `shop`. |",
        "None: no two modules need each other.",
        "| Python | 4 | 320 |",
        "| `attrs` | 4 |\n\nOf the standard library: `os`.",
        "1 test file import its modules; 3 modules in none.",
        "None: every file could be parsed.",
    ],
)  # fmt: skip
def test_the_index_tells_of_every_module(said: str) -> None:
    assert said in index()


def test_cycles_and_files_with_errors_are_told() -> None:
    broken = Skeleton("shop/old.py", "python", 1, 1, "s", "t", error="line 3: <b>invalid</b> syntax")
    base = project(PATHS)
    text = index(replace(base, cycles=(("app.py", "shop/cart.py"),), skeletons={**base.skeletons, broken.path: broken}))
    assert "- 2 modules: `app.py` and `shop/cart.py`" in text
    assert r"- `shop/old.py`: line 3: \<b\>invalid\</b\> syntax" in text


def test_a_large_project_has_a_row_for_each_module_and_a_graph_that_can_be_read() -> None:
    paths = [f"big/part{number % 30}/deep/mod{number}.py" for number in range(1_532)]
    needs = {
        path: tuple(Edge(paths[(at * 7 + step) % 1_532], EdgeKind.TOP_LEVEL, 1) for step in range(9))
        for at, path in enumerate(paths)
    }
    text = index(project(paths, needs=needs), [])
    assert sum(line.startswith("| `mod") for line in text.splitlines()) == 1_532
    graph = text.partition("```mermaid\n")[2].partition("```")[0].splitlines()
    assert len([line for line in graph if '["' in line]) <= 40
    assert len([line for line in graph if "-->" in line]) <= 80
    assert "Modules are drawn together by folder." in text


@pytest.mark.parametrize(
    "attack", ["# x", "</a>", "|", "```", "\n\n# x", "a`b|<img>", "\\|", "\udcff", "-->", "]("], ids=ascii
)
def test_no_name_breaks_out_of_the_index(attack: str) -> None:
    paths = [f"a/{attack}/x.py", f"{attack}.py"]
    rows = [IndexRow(path, attack, attack, attack) for path in paths]
    text = index(project(paths, name=attack, cycles=(tuple(paths),), external={paths[0]: (attack,)}), rows, attack)
    assert headings(text, "h2") == SECTIONS
    assert len(headings(text, "h3")) == len({path.rpartition("/")[0] for path in paths})
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert not [child for token in tokens for child in token.children or () if child.type == "html_inline"]
    text.encode("utf-8")


def test_the_same_project_gives_the_same_bytes() -> None:
    assert index(rows=ROWS[::-1]) == index()
