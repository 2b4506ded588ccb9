"""The documents say what the code does: settings, ticket template, review document, commands and links."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import cyclopts
import pytest
import yaml
from pydantic import BaseModel

from flows.cli import app
from nightwork import scaffold
from nightwork.agent.results import Escalation, Work
from nightwork.gate_settings import GateSettings
from nightwork.gates.reports import FORMS
from nightwork.review import ReviewDocument
from nightwork.section import RunSection, Section
from nightwork.settings import RunOptions, Settings
from nightwork.spec_settings import SpecsOptions
from nightwork.ticket import READY_LABEL, Ticket, parse_ticket
from nightwork.track_settings import TrackOptions

ROOT = Path(__file__).parents[2]
DOCUMENTS = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
SETTINGS, TICKETS, CONVENTIONS = (ROOT / "docs" / f"{name}.md" for name in ("settings", "tickets", "conventions"))

Block = tuple[str, str]


def blocks(path: Path) -> list[Block]:
    """Return (language, text) of every fenced block."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [(match[1], match[2]) for match in found]


def prose(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def rows(path: Path, heading: str) -> list[list[str]]:
    """Return the cells of every table row under a heading."""
    section = path.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def told(value: object) -> str:
    """Write a default as docs/settings.md does."""
    return value if isinstance(value, str) and value else json.dumps(value)


def defaults(model: type[Section], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if field.is_required():
            yield key, "required"
        elif isinstance(field.default, Section):
            yield from defaults(type(field.default), f"{key}.")
        else:
            value = model.model_construct(**{name: field.default}).model_dump(mode="json", include={name})[name]
            yield key, f"`{told(value)}`"
        if name == "gates":
            yield from defaults(GateSettings, "gates[].")


def test_every_setting_is_told_with_its_real_default() -> None:
    documented = [(row[0].strip("`"), row[1]) for row in rows(SETTINGS, "All keys")]
    assert documented == list(defaults(Settings))


def test_every_option_of_a_run_is_told_with_its_real_default() -> None:
    documented = [(row[0].strip("`"), row[1]) for row in rows(SETTINGS, "Options of one run")]
    assert documented == list(defaults(RunOptions, "options."))


def test_every_option_of_a_run_of_specs_is_told_with_its_real_default() -> None:
    documented = [(row[0].strip("`"), row[1]) for row in rows(SETTINGS, "Options of one run of specs")]
    assert documented == list(defaults(SpecsOptions, "options."))


def test_every_option_of_a_run_of_a_track_is_told_with_its_real_default() -> None:
    documented = [(row[0].strip("`"), row[1]) for row in rows(SETTINGS, "Options of one run of a track")]
    assert documented == list(defaults(TrackOptions, "options."))


def test_every_section_of_the_settings_is_documented() -> None:
    covered = {Settings, GateSettings, RunOptions, SpecsOptions, TrackOptions} | {
        type(field.default) for field in Settings.model_fields.values() if isinstance(field.default, Section)
    }
    sections = {*Section.__subclasses__(), *RunSection.__subclasses__()} - {RunSection}
    of_settings = {
        each for each in sections if not each.__module__.startswith("nightwork.track.")
    }  # those of track.yaml
    assert of_settings == covered


def test_every_form_of_a_report_is_told() -> None:
    forms = [row[0].strip("`") for row in rows(SETTINGS, "Gates")]
    assert sorted(forms) == sorted([*FORMS, "exit_code"])


@pytest.mark.parametrize("text", [text for language, text in blocks(SETTINGS) if language == "yaml"])
def test_settings_shown_are_valid(text: str) -> None:
    Settings.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", [text for language, text in blocks(SETTINGS) if language == "json"])
def test_results_of_a_command_agent_shown_are_valid(text: str) -> None:
    data = json.loads(text)
    if "escalation" in data:
        Escalation.model_validate(data["escalation"])
    else:
        assert set(data) == set(Work.model_json_schema()["properties"])
        Work.model_validate(data)


def template() -> str:
    return next(text for language, text in blocks(TICKETS) if language == "markdown")


def test_the_ticket_template_shown_is_the_one_that_init_writes(tmp_path: Path) -> None:
    scaffold.write(tmp_path)
    assert template() == (tmp_path / "tickets" / "TEMPLATE.md").read_text(encoding="utf-8")


def test_the_ticket_template_is_not_ready_as_it_stands() -> None:
    assert parse_ticket(template(), "TEMPLATE.md").faults()


def test_the_ticket_template_is_ready_once_labelled_and_ticked() -> None:
    text = re.sub(r"^labels: .*$", f"labels: [{READY_LABEL}]", template(), flags=re.MULTILINE).replace("[ ]", "[x]")
    text = re.sub(r"^estimated_files: .*$", "estimated_files: [a.py]", text, flags=re.MULTILINE)
    text = re.sub(r"<!--.*?-->", "- it holds", text, flags=re.DOTALL)
    ticket = parse_ticket(text, "APP-1.md")
    assert (ticket.faults(), ticket.warnings()) == ([], [])


def test_every_field_of_a_ticket_is_told() -> None:
    assert [row[0].strip("`") for row in rows(TICKETS, "Fields")] == list(Ticket.model_fields)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for inner in models_in(field.annotation):
            yield from fields(inner, f"{prefix}{name}[].")


def test_every_field_of_the_review_document_is_told() -> None:
    documented = [row[0].strip("`") for row in rows(CONVENTIONS, "The document of `nightwork review --json`")]
    assert documented == list(fields(ReviewDocument))


def commands_in_blocks(path: Path) -> Iterator[list[str]]:
    for language, text in blocks(path):
        if language == "sh":
            for line in text.splitlines():
                yield from _commands(line)


def _commands(line: str) -> Iterator[list[str]]:
    for part in re.split(r"\s(?:&&|\||>)\s", line.removeprefix("$ ")):
        if part.startswith("nightwork "):
            yield shlex.split(part, comments=True)[1:]


def commands_in_prose(path: Path) -> list[list[str]]:
    return [shlex.split(found) for found in re.findall(r"`nightwork ([^`]+)`", prose(path))]


def parse(arguments: list[str]) -> None:
    """Bind a command as the command line would; raises CycloptsError for what it would refuse."""
    app.parse_args(arguments, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_in_a_block_is_one_that_the_command_line_takes(name: str) -> None:
    for arguments in commands_in_blocks(DOCUMENTS[name]):
        parse(arguments)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_in_a_sentence_exists_with_its_flags(name: str) -> None:
    for arguments in commands_in_prose(DOCUMENTS[name]):
        try:
            parse(arguments)
        except cyclopts.MissingArgumentError:
            assert len(arguments) == 1, arguments  # a sentence may name `nightwork decide` alone


def test_the_readme_shows_commands() -> None:
    assert len(list(commands_in_blocks(DOCUMENTS["README.md"]))) >= 10


@pytest.mark.parametrize("arguments", [["run", "--no-such-flag"], ["no-such-command"], ["decide", "APP-1", "merge"]])
def test_a_wrong_command_in_a_document_would_be_found(arguments: list[str]) -> None:
    with pytest.raises(cyclopts.CycloptsError):
        parse(arguments)


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    path = DOCUMENTS[name]
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_relative_to(ROOT) and there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_path_of_a_machine_is_shown(name: str) -> None:
    assert not re.findall(r"(?<![\w.>])/(?:home|root|tmp|work|Users|usr|opt)/", DOCUMENTS[name].read_text("utf-8"))


def test_the_readme_stays_short() -> None:
    assert len(DOCUMENTS["README.md"].read_text(encoding="utf-8").splitlines()) < 200
