"""docs/tracks.md tells what is so: keys with their defaults, variables of prompts, tracks that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from nightwork.track.batch import run_range
from nightwork.track.definition import Definition
from nightwork.track.range import Operation, check
from nightwork.track.templates import REQUIRED, VARIABLES, parse_template
from nightwork.track.track import open_track
from nightwork.track_settings import TrackOptions

TEXT = (Path(__file__).parents[3] / "docs" / "tracks.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def rows(heading):
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:3] == "| `"
    ]


def models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


def keys(model, prefix=""):
    for name, field in model.model_fields.items():
        inner = models_in(field.annotation)
        many = "[]" if str(field.annotation).startswith("tuple") else ""
        if not inner or not field.is_required() or many:
            yield f"{prefix}{name}", default_of(model, name, field)
        for each in inner:
            yield from keys(each, f"{prefix}{name}{many}.")


def default_of(model, name, field):
    if field.is_required():
        return "required"
    plain = model.model_construct(**{name: field.default}).model_dump(
        mode="json", include={name}, exclude_defaults=False
    )
    value = plain[name] if not isinstance(field.default, BaseModel) else {}
    return f"`{'null' if value is None else 'false' if value is False else value if value != '' else chr(34) * 2}`"


def test_every_key_is_told_with_its_real_default():
    assert [(row[0].strip("`"), row[1]) for row in rows("`track.yaml`")] == list(keys(Definition))


def test_every_variable_of_a_prompt_is_told_with_where_it_is_known():
    told = {row[0].strip("`$"): row[1] for row in rows("Prompts")}
    known = {
        name: [kind for kind in VARIABLES if name in VARIABLES[kind]] for kind in VARIABLES for name in VARIABLES[kind]
    }
    assert told == {name: "all" if len(kinds) == len(VARIABLES) else ", ".join(kinds) for name, kinds in known.items()}


def test_what_a_prompt_must_show_is_told():
    sentence = re.search(r"^A review must show .*?\.", TEXT, re.DOTALL | re.MULTILINE)[0]
    assert re.findall(r"\$(\w+)", sentence) == [name for kind in REQUIRED for name in REQUIRED[kind]]


def test_the_prompt_shown_is_one():
    for text in blocks("text"):
        parse_template(text, "docs/tracks.md", "review")


SMALL, LARGE, SCRIPT = blocks("yaml")


@pytest.mark.parametrize("text", [SMALL, LARGE])
def test_the_tracks_shown_can_be_opened(tmp_path, text):
    folder = tmp_path / "b1"
    for name in ("lessons/01-at the station.md", "check.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    for path in re.findall(r"prompts/\w+\.md", text):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("$document $rubric" if "review" in path else "Write $name.")
    (folder / "track.yaml").write_text(text)
    track = open_track(str(folder))
    assert track.name == "b1"
    assert track.modules[0].id == "001-at-the-station"


def test_the_script_shown_plays_on_the_small_track(tmp_path):
    (tmp_path / "lessons").mkdir()
    lesson = tmp_path / "lessons" / "01-intro.md"
    for path, text in ((lesson, "# Old"), (tmp_path / "check.py", ""), (tmp_path / "script.yaml", SCRIPT)):
        path.write_text(text)
    (tmp_path / "track.yaml").write_text("name: b1\n" + SMALL)
    options = TrackOptions(model="scripted:script.yaml", retries=0, no_sandbox=True)
    result = run_range(check(Operation.FIX_REVIEW, str(tmp_path), 1, 1, options))
    assert result.counts() == {"completed": 1}
    assert lesson.read_text() == "# The whole new text\n"
