"""A model that answers at once, and a project whose modules are told by it, one after the other in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nightwork.llm import Message, Reply, Request, ToolCall
from nightwork.llm.estimate import estimated_tokens
from nightwork.module_spec.asking.answer import Answer, Described
from nightwork.module_spec.asking.generate import overhead_text
from nightwork.module_spec.job import Job, Wish
from nightwork.module_spec.run import Run
from nightwork.module_spec.source.project import Project
from nightwork.spec_settings import SpecsSettings

SETTINGS = SpecsSettings(model="answering", unit="file", tests=True)
_DAY = "2026-01-01"
_SAID = "tells those who use it what it takes, what comes back, and what it leaves as it was"


@dataclass
class Answering:
    """Describes every public name without a docstring, as it is asked to, in other words each time."""

    undocumented: Mapping[str, tuple[str, ...]]  # public names, by module
    name: str = SETTINGS.model
    context_window: int | None = None
    provider: str | None = None
    tokens: dict[str, int] = field(default_factory=dict)  # of the input, by module, all that stands beside it included

    @classmethod
    def of(cls, project: Project) -> Answering:
        """Return a model that knows what is public in a project."""
        return cls(
            {
                unit: tuple(
                    symbol.name
                    for skeleton in project.skeletons_of(unit)
                    for symbol in skeleton.public()
                    if not symbol.documented
                )
                for unit in project.units
            }
        )

    def worst_case_usd(self, _: Request) -> float:
        return 0.0

    def complete(self, request: Request) -> Reply:
        """Answer, and note what was asked."""
        asked = "".join(message.text for message in request.messages)
        self.tokens[request.ticket] = estimated_tokens(asked) + estimated_tokens(overhead_text())
        said = f"{_SAID} ({len(self.tokens)})"
        names = dict.fromkeys(name[:200] for name in self.undocumented[request.ticket])
        answer = Answer(
            purpose=f"Module that {said}.",
            intent=f"It {said}.",
            interface=tuple(Described(name=name, text=said) for name in list(names)[:200]),
        )
        call = ToolCall(id="1", name=request.tools[0].name, input=answer.model_dump(mode="json"))
        return Reply(message=Message(role="assistant", calls=(call,)))


def tell(project: Project, model: Answering) -> list[Job]:
    """Write all specs that are missing or stale; returns what was to be done of each."""
    run = Run(project=project, settings=SETTINGS, wish=Wish(update=True), today=_DAY, model=model)
    jobs = []
    for name in project.order:
        job = run.prepare(name)
        if job.outcome is None:
            ref = run.ref(job)
            run.write(ref, run.ask(ref))
        jobs.append(job)
    return jobs
