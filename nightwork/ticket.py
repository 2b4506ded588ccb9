"""A ticket: what a person wants done, when it is ready for an agent, and its form as a Markdown file.

Readiness follows the contract (batch-pipeline.md, "Ticket Readiness Criteria"). A file has YAML front matter, sections,
and the `## Agent Readiness` checklist; where the two disagree the stricter holds. Everything in it is data from
outside: ids are checked so that a branch, a path or an option can never be made of one.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from nightwork import hidden, yamlfile
from nightwork.errors import BadInput, Fault
from nightwork.markdown import Section, sections
from nightwork.redact import redact

READY_LABEL = "ready-for-agent"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_id(text: str) -> str:
    """Return an id from which a branch, a path and an argument can safely be made; raises ValueError for others."""
    if not _ID.fullmatch(text) or ".." in text or text.endswith((".", ".lock")):
        raise ValueError("expected an id of letters, digits, '.', '_', '-' (first a letter or digit, at most 64)")
    return text


TicketId = Annotated[str, AfterValidator(check_id)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class State(StrEnum):
    """Whether a ticket is still to be done."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Complexity(StrEnum):
    """How much work is expected."""

    TRIVIAL = "trivial"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Priority(StrEnum):
    """How soon it is wanted."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Ticket(BaseModel):
    """One ticket as a batch works on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: TicketId
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
    description: str = ""
    acceptance_criteria: tuple[Line, ...] = ()
    open_questions: tuple[Line, ...] = ()
    dependencies: tuple[TicketId, ...] = ()
    estimated_files: tuple[Line, ...] = ()
    complexity: Complexity | None = None
    priority: Priority = Priority.MEDIUM
    labels: tuple[Line, ...] = ()
    test_cases: tuple[Line, ...] = ()
    url: str | None = None
    state: State = State.OPEN
    unchecked: tuple[Line, ...] = Field(default=(), description="items of the readiness checklist that are not ticked")
    hidden: tuple[Line, ...] = Field(default=(), description="what was taken out because its readers do not see it")

    def text(self) -> tuple[object, ...]:
        """Return what the ticket asks for: when this changes, it is another piece of work."""
        return self.title, self.description, self.acceptance_criteria, self.test_cases

    def faults(self) -> list[str]:
        """Return what keeps this ticket, seen alone, from being ready; dependencies are judged by intake."""
        faults = []
        if READY_LABEL not in self.labels:
            faults.append(f"label {READY_LABEL!r} is missing")
        if self.state is not State.OPEN:
            faults.append(f"state is {self.state}, expected open")
        if not self.acceptance_criteria:
            faults.append("acceptance criteria are missing; list them under '## Acceptance criteria'")
        faults += [f"open question: {question}" for question in self.open_questions]
        faults += [f"readiness checklist: not ticked: {item}" for item in self.unchecked]
        if self.id in self.dependencies:
            faults.append("depends on itself")
        return faults

    def warnings(self) -> list[str]:
        """Return what is recommended and missing."""
        missing = {
            "estimated files": self.estimated_files,
            "complexity": self.complexity,
            "test cases": self.test_cases,
        }
        unseen = [f"held what its readers do not see, which was taken out: {each}" for each in self.hidden]
        return [*(f"no {name}" for name, value in missing.items() if not value), *unseen]

    def commit_type(self) -> str:
        """Return the Conventional Commits type that the labels ask for."""
        if "bug" in self.labels:
            return "fix"
        return "docs" if "docs" in self.labels else "feat"


_LISTS = {
    "acceptance criteria": "acceptance_criteria",
    "open questions": "open_questions",
    "test cases": "test_cases",
}
_TEXTS = {
    "title": hidden.reveal_line,
    "description": hidden.reveal,
    "acceptance_criteria": hidden.reveal,
    "open_questions": hidden.reveal,
    "test_cases": hidden.reveal,
    "estimated_files": hidden.reveal_line,
}
_NOTHING = {"none", "n/a", "-", "none."}
_REQUIRED = ("acceptance criteria", "open questions", "dependencies")
_COMPLEXITIES = list(Complexity)


def parse_ticket(text: str, name: str) -> Ticket:
    """Read one ticket file; raises BadInput with all its faults, each at `name:line`."""
    front, body, body_line = _split_front_matter(text, name)
    if front.data is not None and not isinstance(front.data, dict):
        raise BadInput(Fault(f"{name}:1", f"front matter: expected a mapping, not {type(front.data).__name__}"))
    data: dict[str, Any] = dict(front.data or {})
    if "unchecked" in data:
        raise BadInput(Fault(front.where(("unchecked",)), "unchecked: unknown key; untick the list in the text"))
    if "hidden" in data:
        raise BadInput(Fault(front.where(("hidden",)), "hidden: unknown key"))
    prose: list[str] = []
    for section in sections(body):
        key = section.title.casefold()
        if key == "agent readiness":
            _apply_checklist(section, data)
        elif key in _LISTS and isinstance(data.setdefault(_LISTS[key], []), list):
            data[_LISTS[key]] = [*data[_LISTS[key]], *(i for i in section.items if i.casefold() not in _NOTHING)]
            front.lines.setdefault((_LISTS[key],), body_line + section.line)
        else:
            prose.append(section.text)
    said = data.get("description", "")
    if isinstance(said, str):
        data["description"] = "\n\n".join(part for part in (said.strip(), *prose) if part)
    return cleaned(yamlfile.validate(Ticket, front, data), name)


def cleaned(ticket: Ticket, name: str) -> Ticket:
    """Return a ticket without secrets and without what its readers do not see, of which it tells.

    Raises BadInput when nothing is left of its title.
    """
    found: Counter[str] = Counter()
    fields: dict[str, Any] = {}
    for field, form in _TEXTS.items():
        value = getattr(ticket, field)
        shown = [form(each) for each in ([value] if isinstance(value, str) else value)]
        found += sum((hidden for _, hidden in shown), Counter())
        texts = tuple(redact(text).strip() for text, _ in shown)
        fields[field] = texts[0] if isinstance(value, str) else tuple(text or "(nothing to see)" for text in texts)
    if not fields["title"]:
        raise BadInput(Fault(name, f"title: {ticket.title!r} holds nothing that can be seen; write one"))
    return ticket.model_copy(update={**fields, "hidden": (*ticket.hidden, *hidden.told(found))})


def _split_front_matter(text: str, name: str) -> tuple[yamlfile.YamlFile, str, int]:
    match = re.match(r"---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", text, re.DOTALL | re.MULTILINE)
    if match is None:
        raise BadInput(Fault(f"{name}:1", "expected YAML front matter between two lines of '---' at the top"))
    return yamlfile.parse(match[1], name, first_line=2), text[match.end() :], text.count("\n", 0, match.end()) + 1


def _apply_checklist(section: Section, data: dict[str, Any]) -> None:
    """Merge the readiness checklist into the front matter so that the stricter of both holds."""
    unchecked = []
    for item in section.items:
        ticked, text = _tick(item)
        label, _, value = text.partition(":")
        label, value = label.strip().casefold(), value.strip()
        if not ticked and any(word in label for word in _REQUIRED):
            unchecked.append(text)
        if label == "dependencies" and isinstance(data.setdefault("dependencies", []), list):
            data["dependencies"] = _union(data["dependencies"], _named_dependencies(value))
        elif label == "estimated files" and ticked and isinstance(data.setdefault("estimated_files", []), list):
            data["estimated_files"] = _union(data["estimated_files"], _split_list(value))
        elif label == "complexity":
            data["complexity"] = _stricter_complexity(data.get("complexity"), value.casefold())
    data["unchecked"] = [*data.get("unchecked", []), *unchecked]


def _tick(item: str) -> tuple[bool, str]:
    """Return whether an item is ticked, and its text; what has no `[x]` is not."""
    match = re.match(r"\[([^\]]*)\]\s*(.*)", item, re.DOTALL)
    return (match[1].strip().casefold() == "x", match[2]) if match else (False, item)


def _named_dependencies(value: str) -> list[str]:
    names = [re.sub(r"\s+completed$", "", name, flags=re.IGNORECASE) for name in re.split(r"[,/]", value)]
    return [name.strip() for name in names if name.strip() and name.strip().casefold() not in _NOTHING]


def _split_list(value: str) -> list[str]:
    return [
        part.strip(" `") for part in value.split(",") if part.strip(" `") and part.strip().casefold() not in _NOTHING
    ]


def _union(first: list[Any], second: list[str]) -> list[Any]:
    return [*first, *(item for item in second if item not in first)]


def _stricter_complexity(ours: Any, theirs: str) -> Any:
    if theirs not in _COMPLEXITIES:
        return ours
    if ours not in _COMPLEXITIES:
        return theirs if ours is None else ours
    return max(ours, theirs, key=lambda name: _COMPLEXITIES.index(Complexity(name)))
