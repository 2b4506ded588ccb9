"""One run over a project: what each module's spec is made of, what a model says of it, and what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

from nightwork.errors import Infrastructure, ModelError
from nightwork.files import refuse_full_disk, write_atomically
from nightwork.llm import Model
from nightwork.module_spec.answer import Answer
from nightwork.module_spec.context import Caps, assemble, dependency_text, needs_model
from nightwork.module_spec.generate import PROMPT_VERSION, generate
from nightwork.module_spec.header import FORM, digest, read_header
from nightwork.module_spec.interface import interface_text
from nightwork.module_spec.job import Job, Ref, Wish, content_key, passed_over
from nightwork.module_spec.names import Known
from nightwork.module_spec.project import Edge, Project
from nightwork.module_spec.render import View, render, skeleton_hash_of
from nightwork.module_spec.written import Specs, Written
from nightwork.outcome import Outcome, Reason, Status
from nightwork.spec_settings import NO_MODEL, SpecsSettings


class Degraded(ModelError):
    """A model said nothing of a module that can be used: (model, why)."""


@dataclass
class Run:
    """One run; all but `ask` is for one thread, to which modules come dependencies first."""

    project: Project
    settings: SpecsSettings
    wish: Wish
    today: str
    model: Model | None = None
    salt: str = ""  # part of every task's key where answers that are kept do not count
    written: dict[str, Written] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.specs = Specs(self.project.root)
        self.written = self.specs.read_all(self.project.units)
        self.made_with = made_with(self.settings)
        self._interfaces: dict[str, str] = {}
        self._jobs: dict[str, Job] = {}

    def prepare(self, name: str, done_before: bool = False) -> Job:
        """Say what is to be done about a module, given what its dependencies show now."""
        written, model = self.written.get(name), self._writer(name)
        compared = written.header.model if written and model == NO_MODEL else model
        job = self._job(name, compared)
        outcome = passed_over(job, self.wish, done_before)
        if outcome is None and compared != model:
            job = self._job(name, model)
        self._jobs[name] = replace(job, outcome=outcome)
        return self._jobs[name]

    def ask(self, ref: Ref) -> Answer | None:
        """Return what the model says of a module; None when none is asked. May be called from any thread.

        Raises Degraded when the model gives nothing that can be used, and what ends the run as the model's calls do.
        """
        job = self._jobs[ref.unit]
        if self.model is None or job.model == NO_MODEL:
            return None
        generated = generate(self.prompt(ref), self.model, self.known, self.settings.max_retries)
        if generated.answer is None:
            raise Degraded(job.model, generated.reason)
        return generated.answer

    def write(self, ref: Ref, answer: Answer | None, degraded: str = "") -> Outcome:
        """Write a module's spec; `degraded` says why a model's part is missing."""
        job = self._jobs.pop(ref.unit)
        interface = self._interface(job, answer)
        text = render(self._view(job, answer, degraded, interface))
        self._put(job, text, is_paid=answer is not None)
        self._interfaces[ref.unit] = interface
        reason = None if answer else Reason.AST_ONLY
        return Outcome(status=Status.COMPLETED, reason=reason, message=degraded)

    @cached_property
    def known(self) -> Known:
        """Every name of the project."""
        return Known.of(self.project)

    def _writer(self, name: str) -> str:
        return self.model.name if self.model and needs_model(self.project.skeletons_of(name)) else NO_MODEL

    def _job(self, name: str, model: str) -> Job:
        skeletons, needs = self.project.skeletons_of(name), self.project.needs[name]
        shown = dependency_text(skeletons, self._dependencies(needs), self._caps()) if model != NO_MODEL else ""
        key = content_key(skeletons, needs, shown, self.made_with, model)
        return Job(self.project.units[name], skeletons, model, key, shown, self.written.get(name))

    def _dependencies(self, needs: Sequence[Edge]) -> list[tuple[str, str]]:
        return [(edge.target, self._shown(edge)) for edge in needs]

    def _shown(self, edge: Edge) -> str:
        """Return what a module is shown of one that it needs; of one that is told later, what its source says alone."""
        if not edge.is_broken:
            if edge.target not in self._interfaces and edge.target in self.written:
                self._interfaces[edge.target] = self.written[edge.target].interface
            if edge.target in self._interfaces:
                return self._interfaces[edge.target]
        return interface_text(self.project.skeletons_of(edge.target), "", {})

    def _interface(self, job: Job, answer: Answer | None) -> str:
        """Return what a module shows to its dependents: as before, while its public names are as before."""
        before = job.written
        if before and not self.wish.force and not before.is_edited and not before.header.degraded:
            same = before.header.skeleton_hash == skeleton_hash_of(job.skeletons)
            if same and before.header.model == job.model:
                return before.interface
        if answer is None:
            return interface_text(job.skeletons, "", {})
        return interface_text(job.skeletons, answer.purpose, {each.name: each.text for each in answer.interface})

    def _put(self, job: Job, text: str, is_paid: bool) -> None:
        """Write a spec, unless only its date would differ; what was paid for is flushed to the disk."""
        found = read_header(text)
        assert found is not None
        header, rest = found
        before = job.written
        path = self.specs.path(job.unit)
        if not before or before.rest != rest or before.header != replace(header, last_updated=before.header.last_updated):
            try:
                write_atomically(path, text, flush=is_paid)
            except OSError as error:
                refuse_full_disk(self.specs.folder.parent, f"{job.unit.path} is not written")
                raise Infrastructure(str(path), str(error)) from error
            self.written[job.unit.path] = Written(header, False, rest)
