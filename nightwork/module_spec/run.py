"""One run over a project: what each module's spec is made of, what a model says of it, and what is written."""

from __future__ import annotations

import errno
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from nightwork import stop
from nightwork.engine import guarded
from nightwork.errors import Infrastructure, ModelError, Stopped
from nightwork.files import write_atomically
from nightwork.llm import Model
from nightwork.module_spec.asking.answer import Answer
from nightwork.module_spec.asking.context import Caps, assemble, dependency_text, needs_model
from nightwork.module_spec.asking.excerpt import decoded
from nightwork.module_spec.asking.generate import Prompt, generate
from nightwork.module_spec.asking.interface import interface_text
from nightwork.module_spec.asking.names import Known, project_names
from nightwork.module_spec.document.hashes import hash_of_bytes, skeleton_hash
from nightwork.module_spec.document.header import digest
from nightwork.module_spec.document.written import Specs, Written
from nightwork.module_spec.job import Job, Ref, Wish, content_key, made_with, passed_over
from nightwork.module_spec.render.spec import render
from nightwork.module_spec.render.view import View
from nightwork.module_spec.source.files import plain_bytes
from nightwork.module_spec.source.parsing import MOST_HASHED
from nightwork.module_spec.source.project import Edge, Project
from nightwork.module_spec.source.skeleton import Skeleton
from nightwork.outcome import Outcome, Reason, Status
from nightwork.sandbox.forked import is_worth_it, mapped
from nightwork.spec_settings import NO_MODEL, SpecsSettings

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class Degraded(ModelError):
    """A model said nothing of a module that can be used: (model, why)."""


class Unwritable(Infrastructure):
    """No spec at all can be written any more: (what failed, why)."""


@dataclass
class Run:
    """One run; all but `ask` and `prompt` is for one thread, to which modules come dependencies first."""

    project: Project
    settings: SpecsSettings
    wish: Wish
    today: str
    model: Model | None = None
    salt: str = ""  # part of every task's key, where answers that are kept do not count
    specs: Specs = field(init=False)
    written: dict[str, Written] = field(init=False)

    def __post_init__(self) -> None:
        self.specs = Specs(self.project.root)
        self.written, self._foreign = self.specs.read_all(self.project.units)
        self.made_with = made_with(self.settings)
        self._interfaces: dict[str, str] = {}
        self._truncated: dict[str, bool] = {}
        self._ahead: dict[str, tuple[Outcome, Written | None]] = {}
        self._jobs: dict[str, Job] = {}
        self._cycles = {name: group for group in self.project.cycles for name in group}
        self._names = project_names(self.project.skeletons.values()) if self.settings.model != NO_MODEL else frozenset()

    def prepare(self, name: str, done_before: bool = False) -> Job:
        """Say what is to be done about a module, given what its dependencies show now."""
        written, model = self.written.get(name), self._writer(name)
        compared = written.header.model if written and model == NO_MODEL else model
        job = self._job(name, compared)
        outcome = passed_over(job, self.wish, done_before, model != NO_MODEL)
        if outcome is None and compared != model:
            job = self._job(name, model)
        self._jobs[name] = replace(job, outcome=outcome)
        return self._jobs[name]

    def prepared(self, name: str) -> Job:
        """Return what was said of a module before, which only a model's part in what it needs can have changed."""
        return self._jobs[name]

    def plan(self, done_before: Collection[str]) -> int:
        """Prepare all modules; returns how many are to be written, as far as can be told before any of them is."""
        return sum(self.prepare(name, name in done_before).outcome is None for name in self.project.order)

    def write_ahead(self) -> None:
        """Write the specs for which no model is asked on two cores, if that is worth it; `write` then tells of them."""
        jobs = [job for job in self._jobs.values() if job.outcome is None and job.model == NO_MODEL]
        if is_worth_it(len(jobs)):
            try:
                done = mapped(self._done, jobs)
            except Stopped:  # what was written until then is there; the others are aborted one by one
                self.written |= self.specs.read_all({job.unit.path: job.unit for job in jobs})[0]
                return
            self._ahead = {job.unit.path: each for job, each in zip(jobs, done, strict=True)}

    def is_ahead(self, name: str) -> bool:
        """Say whether the spec of a module was written ahead of its turn."""
        return name in self._ahead

    def ref(self, job: Job) -> Ref:
        """Return a job as a task takes it."""
        return Ref(job.unit.path, digest(job.content_key, self.salt))

    def ask(self, ref: Ref) -> Answer | None:
        """Return what the model says of a module; None when none is asked. May be called from any thread.

        Raises Degraded when the model gives nothing that can be used, and what ends the run as the model's calls do.
        """
        if self.model is None or self._jobs[ref.unit].model == NO_MODEL:
            return None
        generated = generate(self.prompt(ref), self.model)
        if generated.answer is None:
            raise Degraded(self.settings.model, generated.reason)
        return generated.answer

    def prompt(self, ref: Ref) -> Prompt:
        """Return what the model is asked; raises Infrastructure when the source is no more as it was read."""
        job = self._jobs[ref.unit]
        sources = {skeleton.path: self._source(skeleton) for skeleton in job.skeletons}
        dependencies = self._dependencies(self.project.needs[ref.unit])
        context = assemble(job.skeletons, sources, dependencies, self._caps())
        self._truncated[ref.unit] = context.is_truncated
        known = Known(self._names, "\n".join(sources.values()))
        return Prompt(ref.unit, job.content_key, context, known)

    def write(self, ref: Ref, answer: Answer | None, degraded: str = "") -> Outcome:
        """Write a module's spec; `degraded` says why a model's part is missing."""
        if answer and ref.unit not in self._truncated:  # an answer that was kept since an earlier run
            self.prompt(ref)
        job = self._jobs.pop(ref.unit)
        if ref.unit in self._ahead:
            outcome, written = self._ahead.pop(ref.unit)
            if written:
                self.written[ref.unit] = written
            return outcome
        interface = self._interface(job, answer)
        text = render(self._view(job, answer, degraded, interface))
        self.written[ref.unit] = self._put(job, text, is_paid=answer is not None)
        self._interfaces[ref.unit] = interface
        reason = None if answer else Reason.AST_ONLY
        return Outcome(status=Status.COMPLETED, reason=reason, message=degraded)

    def _done(self, job: Job) -> tuple[Outcome, Written | None]:
        """Write a spec from the syntax tree; may run in a fork, so nothing is noted. Raises Stopped."""
        stop.check()
        written: list[Written] = []

        def write() -> Outcome:
            written.append(self._put(job, render(self._view(job, None, "", "")), is_paid=False))
            return Outcome(status=Status.COMPLETED, reason=Reason.AST_ONLY)

        outcome = guarded(write)
        return outcome, written[0] if written else job.written

    def _writer(self, name: str) -> str:
        return self.settings.model if needs_model(self.project.skeletons_of(name)) else NO_MODEL

    def _job(self, name: str, model: str) -> Job:
        skeletons, needs = self.project.skeletons_of(name), self.project.needs[name]
        shown = dependency_text(skeletons, self._dependencies(needs), self._caps()) if model != NO_MODEL else ""
        key = content_key(skeletons, needs, shown, self.made_with, model)
        unit, written = self.project.units[name], self.written.get(name)
        return Job(unit, skeletons, model, key, shown, written, is_somebodys=name in self._foreign)

    def _dependencies(self, needs: Sequence[Edge]) -> list[tuple[str, str]]:
        return [(edge.target, self._shown(edge)) for edge in needs]

    def _shown(self, edge: Edge) -> str:
        """Return what a module is shown of one that it needs; of one that is told later, what its source says alone."""
        told = "" if edge.is_broken else self._told(edge.target)
        return told or interface_text(self.project.skeletons_of(edge.target), "", {})

    def _told(self, name: str) -> str:
        """Return what a module's spec shows to its dependents, where a model has had its part in that."""
        if name not in self._interfaces and name in self.written:
            self._interfaces[name] = self.written[name].interface
        return self._interfaces.get(name, "")

    def _interface(self, job: Job, answer: Answer | None) -> str:
        """Return what a module shows to its dependents: as before, while its public names are as before."""
        before = job.written
        if before and not self.wish.force and not before.is_edited and not before.header.degraded:
            same = before.header.skeleton_hash == skeleton_hash(job.skeletons)
            if same and before.header.model == job.model:
                return before.interface
        if answer is None:
            return ""
        return interface_text(job.skeletons, answer.purpose, {each.name: each.text for each in answer.interface})

    def _put(self, job: Job, text: str, is_paid: bool) -> Written:
        """Write a spec, unless only its date would differ; what was paid for is flushed to the disk."""
        written, before = Written.of(text), job.written
        assert written is not None
        date = before.header.last_updated if before and not before.is_edited else ""
        if before and before.header == replace(written.header, last_updated=date):
            return before
        path = self.specs.path(job.unit)
        try:
            write_atomically(path, text, flush=is_paid)
        except OSError as error:
            kind = Unwritable if error.errno in _NO_ROOM else Infrastructure
            raise kind(job.unit.path, f"{error}; see to it, then run again") from error
        return written

    def _view(self, job: Job, answer: Answer | None, degraded: str, interface: str) -> View:
        name, project = job.unit.path, self.project
        return View(
            unit=job.unit,
            skeletons=job.skeletons,
            needs=project.needs[name],
            needed_by=project.needed_by[name],
            external=project.external[name],
            tests=project.tests[name],
            cycle=self._cycles.get(name, ()),
            answer=answer,
            model=job.model,
            degraded=degraded,
            content_key=job.content_key,
            made_with=self.made_with,
            is_truncated=self._truncated.get(name, False),
            updated=self.today,
            interface=interface,
        )

    def _caps(self) -> Caps:
        return Caps(source_tokens=self.settings.max_source_tokens)

    def _source(self, skeleton: Skeleton) -> str:
        data = plain_bytes(self.project.root / skeleton.path, MOST_HASHED)
        if data is None or hash_of_bytes(data) != skeleton.source_hash:
            raise Infrastructure(skeleton.path, "was changed while the run was under way; run again")
        return decoded(data)
