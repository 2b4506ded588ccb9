"""One try at one module: its steps, each done once however often it is killed, and what lies on disk meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from nightwork import records
from nightwork.llm import Model
from nightwork.llm.estimate import estimated_tokens
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.track import showing
from nightwork.track.definition import DOCUMENT
from nightwork.track.desk import Audited, Desks
from nightwork.track.forms import Fix, Review, Text
from nightwork.track.rubric import broken_floors, passes, score
from nightwork.track.talk import Question, Talk
from nightwork.track.texts import in_form_of
from nightwork.track.track import Module, Track
from nightwork.track.versions import Version, land, read
from nightwork.track_settings import TracksSettings

T = TypeVar("T")
F = TypeVar("F", bound=BaseModel)


@dataclass(frozen=True)
class ModuleRef:
    """Plain names of one try at one module, as steps take them."""

    module: str
    folder: str


class Step(Protocol):
    """Carries out one named step of a module; a flow makes a task of it."""

    def __call__(self, ref: ModuleRef, name: str, work: Callable[[], T], /) -> T:
        """Return what the work returns."""


def at_once(ref: ModuleRef, name: str, work: Callable[[], T], /) -> T:
    """Carry a step out here and now."""
    del ref, name
    return work()


class Found(BaseModel):
    """The texts of a module's files when a try began."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    texts: dict[str, str | None]


class Landed(BaseModel):
    """A version lies on disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str


@dataclass(frozen=True)
class Judged:
    """A version with what the audit and a reviewer say of it; `review` is None when the audit alone decided."""

    version: Version
    audited: Audited
    review: Review | None
    score: float
    floors: tuple[str, ...]
    passed: bool

    def rank(self) -> tuple[bool, int, float]:
        """Return what is greater for a better version: the audit counts first, then floors, then the score."""
        return self.audited.passed, -len(self.floors), self.score


class Story(BaseModel):
    """How a try went, as reports tell it; `digest` is that of the module's files at its end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = 0
    kept: int = 0
    lost: int = 0
    first: float | None = None
    last: float | None = None
    audit: bool | None = None
    findings: int = 0
    digest: str = ""


@dataclass
class Work:
    """Everything that one try at a module needs."""

    ref: ModuleRef
    track: Track
    module: Module
    settings: TracksSettings
    writer: Model
    reviewer: Model
    desks: Desks
    step: Step = at_once

    def __post_init__(self) -> None:
        self.story = Story()
        self.talk = Talk(Path(self.ref.folder), self.module.id)
        self.found = self._found()
        self._known = [self.found]

    def _found(self) -> Version:
        """Return the module's files as they were when this try began, which stay kept as they were."""
        path = Path(self.ref.folder) / "found.json"
        kept = records.load(Found, path)
        if kept is None:
            kept = Found(texts=dict(read(self.module, self.module.files()).texts))
            records.save(kept, path, exact=True)
        return Version(kept.texts)

    def tell(self, **changes: Any) -> None:
        """Note how the try goes."""
        self.story = self.story.model_copy(update=changes)

    def judge(self, number: int, version: Version, best: Judged | None = None) -> Judged:
        """Audit and review a version; a review that could not make it better than `best` is not paid for."""
        audited = self.audit(number, version)
        if best and best.audited.passed and not audited.passed:
            return Judged(version, audited, None, 0.0, (), passed=False)
        review, rubric = self.review(number, version, audited), self.track.definition.rubric
        assert rubric is not None
        marks = review.by_dimension()
        passed = audited.passed and passes(rubric, marks)
        return Judged(version, audited, review, score(rubric, marks), broken_floors(rubric, marks), passed)

    def audit(self, number: int, version: Version) -> Audited:
        """Run the track's own command over a version."""

        def run() -> Audited:
            name = f"audit {number}"
            known = self.talk.known(name, Audited)
            if known is None:
                known = self.desks.audit(self.module, version)
                self.talk.keep(name, known)
            return known

        return self.step(self.ref, f"audit {number}", run)

    def review(self, number: int, version: Version, audited: Audited) -> Review:
        """Let the reviewer judge a version, in a conversation that knows of nothing else."""
        rubric = self.track.definition.rubric
        assert rubric is not None
        dimensions = tuple(each.name for each in rubric.dimensions)
        shown = showing.of_module(self.track, self.module, version, is_reviewed=True)
        values = {**shown, "audit": showing.audit_text(audited)}
        question = self._question(f"review {number}", "review", showing.REVIEWER, values, "submit_review")
        return self._asked(question, self.reviewer, Review, lambda it: it.problem(dimensions))

    def fix(self, number: int, best: Judged, lost: list[str]) -> tuple[Version, str]:
        """Let the writer mend a version; returns the new one, and what only a person can decide."""
        assert best.review is not None
        values = {
            **self._values(best.version),
            "audit": showing.audit_text(best.audited),
            "findings": showing.findings_text(best.review, best.score, lost),
        }
        question = self._question(f"fix {number}", "fix", showing.WRITER, values, "submit_fix")
        editable = tuple(each.name for each in self.track.definition.sidecars if each.editable)
        answer = self._asked(question, self.writer, Fix, lambda it: it.problem(editable))
        texts = {each.name: each.text for each in answer.sidecars}
        return best.version.rewritten({DOCUMENT: answer.document, **texts}), answer.question()

    def write(
        self, step: str, prompt: str, tool: str, file: str, version: Version, problem: Callable[[Text], str]
    ) -> str:
        """Let the writer write one file from nothing but what it is shown; returns its text."""
        values = {**self._values(version), "before": showing.before_text(version.texts)}
        question = self._question(step, prompt, showing.WRITER, values, tool)
        answer = self._asked(question, self.writer, Text, lambda it: it.problem() or problem(it))
        return in_form_of(version.texts.get(file) or "", answer.text)

    def land(self, number: int, version: Version) -> None:
        """Let a version be what lies on disk, once; raises Unfinished (aborted, edited) as `versions.land` does."""
        if self.talk.known(f"land {number}", Landed) is None:
            land(self.module, version, self._known)
            self.talk.keep(f"land {number}", Landed(digest=version.digest()))
        self._known.append(version)

    def see_that_it_stands(self, version: Version) -> None:
        """Raise Unfinished (aborted, edited) when something else lies on disk than the version that was judged."""
        changed = read(self.module, version.texts.keys()) != version
        if changed:
            message = "was changed by somebody else while it was worked on; that was not judged"
            raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.EDITED, message=message))

    def _asked(self, question: Question, model: Model, form: type[F], problem: Callable[[F], str]) -> F:
        most = self.settings.max_output_tokens
        return self.step(self.ref, question.step, lambda: self.talk.ask(question, model, form, problem, most))

    def _values(self, version: Version) -> dict[str, str]:
        return showing.of_module(self.track, self.module, version)

    def _question(self, step: str, prompt: str, system: str, values: dict[str, str], tool: str) -> Question:
        text = self.track.templates[prompt].render(values)
        tokens = estimated_tokens(text)
        if tokens > self.settings.max_prompt_tokens:
            message = (
                f"{step!r} would ask with about {tokens:,} tokens; tracks.max_prompt_tokens is"
                f" {self.settings.max_prompt_tokens:,}: split the document, or raise it"
            )
            raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.ERROR, message=message))
        return Question(step, system, text, tool, _ABOUT[tool])


_ABOUT = {
    "submit_review": "Submit the review: a mark for each dimension, and every finding.",
    "submit_fix": "Submit the whole new text of the document.",
    "submit_research": "Submit the whole text of the research file.",
    "submit_text": "Submit the whole text of the file.",
}
