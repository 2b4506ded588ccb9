"""What is to be done about one module, decided by one content key: nothing, told to the user, or written anew."""

from __future__ import annotations

from dataclasses import dataclass

from nightwork.markdown import one_line
from nightwork.module_spec.asking.generate import prompt_version
from nightwork.module_spec.document.hashes import tree_hash
from nightwork.module_spec.document.header import FORM, digest
from nightwork.module_spec.document.written import Written
from nightwork.module_spec.source.project import Edge, Unit
from nightwork.module_spec.source.skeleton import Skeleton
from nightwork.outcome import Outcome, Reason, Status
from nightwork.spec_settings import NO_MODEL, SpecsSettings


@dataclass(frozen=True)
class Ref:
    """One module of one run, as a task takes it: plain values, and `key`, under which its answer is kept."""

    unit: str
    key: str

    @property
    def name(self) -> str:
        """The unit as a task is named after it."""
        return one_line(self.unit)

    def task_key(self) -> str:
        """Return the key under which a task runner keeps the answer."""
        return self.key


@dataclass(frozen=True)
class Job:
    """One module with everything that its spec is made of; `outcome` is what came of it when nothing is to be done."""

    unit: Unit
    skeletons: tuple[Skeleton, ...]
    model: str
    content_key: str
    dependency_text: str = ""
    written: Written | None = None
    outcome: Outcome | None = None
    is_somebodys: bool = False  # a file that is none of ours stands in its place


@dataclass(frozen=True)
class Wish:
    """What a run was asked to write, beside what is missing or degraded."""

    update: bool = False
    force: bool = False


def content_key(
    skeletons: tuple[Skeleton, ...], needs: tuple[Edge, ...], dependency_text: str, made_with: str, model: str
) -> str:
    """Return the one key of cache, resume, staleness and drift: what a spec is made of, and nothing else."""
    targets = "\n".join(sorted(edge.target for edge in needs))
    return digest(tree_hash(skeletons), targets, dependency_text, made_with, model)


def passed_over(job: Job, wish: Wish, done_before: bool, may_ask: bool) -> Outcome | None:
    """Say why a module is left as it is; None when its spec is to be written.

    `done_before` says that an earlier, unfinished run with the same checkpoint has written it, `may_ask` that there is
    a model to ask.
    """
    written = job.written
    if written is None:
        return None if wish.force or not job.is_somebodys else _left_alone()
    is_current = written.header.content_key == job.content_key
    if done_before and is_current:
        is_ast_only = job.model == NO_MODEL or written.header.degraded
        reason = Reason.AST_ONLY if is_ast_only else None
        return Outcome(status=Status.COMPLETED, reason=reason, message=written.header.degraded)
    if wish.force:
        return None
    if written.is_edited:
        return _left_alone()
    if is_current:
        return None if written.header.degraded and may_ask else Outcome(status=Status.SKIPPED, reason=Reason.UNCHANGED)
    if wish.update:
        return None
    return Outcome(
        status=Status.SKIPPED,
        reason=Reason.STALE,
        message="it would be written otherwise today; --update writes it anew",
    )


def _left_alone() -> Outcome:
    message = "a person has changed the spec; --force writes it anew"
    return Outcome(status=Status.SKIPPED, reason=Reason.EDITED, message=message)


def made_with(settings: SpecsSettings) -> str:
    """Return the digest of what shapes every spec beside its sources."""
    return digest(FORM, prompt_version(), str(settings.max_source_tokens))
