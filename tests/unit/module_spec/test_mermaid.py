"""Mermaid's own parser takes every diagram, whatever its labels hold."""

import json
import os
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from spec_views import ATTACKS, VIEW, attacked, huge

from nightwork.module_spec.render.mermaid import Link, class_diagram, flowchart, label
from nightwork.module_spec.render.spec import render

PARSER = Path("tests/assets/mermaid")


def parse(diagrams: list[str]) -> list[str]:
    """Return the kind of each diagram, or "error: ..."."""
    if not (shutil.which("node") and (PARSER / "node_modules/mermaid").is_dir()):
        missing = "Mermaid's parser is not installed: `make test` installs it when npm is there"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    bare = [each.removeprefix("```mermaid\n").removesuffix("\n```") for each in diagrams]
    done = subprocess.run(
        ["node", PARSER / "parse.mjs"], input=json.dumps(bare).encode(), capture_output=True, check=True
    )
    return list(json.loads(done.stdout))


def test_the_parser_tells_what_is_no_diagram() -> None:
    (told,) = parse(['flowchart LR\n    n1["a" -->'])
    assert told.startswith("error: Parse error")


def test_every_label_is_taken() -> None:
    labels = [*ATTACKS, *map(chr, range(256)), "style: #1;", "classDef x:#", "o--x", "n1 --> n2", "\U0001f600", "日本"]
    charts = [flowchart([Link(each, "b"), Link("b", each, True)])[0] for each in labels]
    classes = [class_diagram([Link(each, "b")], [Link("b", each)])[0] for each in labels]
    assert set(parse(charts)) == {"flowchart-v2"}
    assert set(parse(classes)) == {"classDiagram"}
    everything = [Link(one, other) for one, other in pairwise(labels)]
    assert parse([flowchart(everything, 400)[0], class_diagram(everything, everything, 400)[0]]) == [
        "flowchart-v2",
        "classDiagram",
    ]


def test_every_diagram_of_a_spec_is_taken() -> None:
    views = [VIEW, huge(), *map(attacked, ATTACKS)]
    diagrams = [each for view in views for each in re.findall(r"(?ms)^```mermaid\n.*?^```$", render(view))]
    assert len(diagrams) > len(views)
    assert set(parse(diagrams)) == {"flowchart-v2", "classDiagram"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nightwork/engine.py", "nightwork/engine.py"),
        ('a "b"', "a #34;b#34;"),
        ("x[0]: #1", "x#91;0#93;#58; #35;1"),
        ("", "(no name)"),
        ("\u202e\n", "(no name)"),
        ("Größe_π", "Größe_π"),
        ("\ud800", "#65533;"),
        ("a" * 100, "a" * 57 + "..."),
    ],
    ids=ascii,
)
def test_a_label_keeps_letters_and_writes_the_numbers_of_other_characters(text: str, shown: str) -> None:
    assert label(text) == shown


def test_a_diagram_is_bounded_and_counts_what_it_leaves_out() -> None:
    links = [Link("hub", f"m{number}") for number in range(100)]
    drawing, left = flowchart(links, most=25)
    assert (drawing.count("-->"), left) == (24, 76)
    drawing, left = class_diagram(links, [], most=25)
    assert (drawing.count("<|--"), left) == (24, 76)


def test_weak_links_are_dotted() -> None:
    assert flowchart([Link("a", "b", True), Link("a", "c")])[0].split("\n")[-3:] == [
        "    n1 -.-> n2",
        "    n1 --> n3",
        "```",
    ]
