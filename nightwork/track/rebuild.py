"""orchestrate: the files of a module are written anew, phase by phase, then audited, reviewed and mended.

Nothing of it lies on disk before it is judged; what is no better than what was there does not stay.
"""

from __future__ import annotations

from functools import partial

from nightwork.outcome import Outcome, Reason, Status
from nightwork.track.definition import RESEARCH, Research
from nightwork.track.forms import Text
from nightwork.track.gather import lacks
from nightwork.track.improve import mend
from nightwork.track.versions import Version
from nightwork.track.work import Work


def rebuild(work: Work) -> Outcome:
    """Write the files of a module by the phases of its track, and see that the result is better than what was there."""
    found = work.found
    before = work.judge(0, found) if found.document.strip() else None
    version = _written(work, found)
    if not version.document.strip():
        message = "no phase writes the document, and there is none"
        return Outcome(status=Status.FAILED, reason=Reason.ERROR, message=message)
    after = work.judge(1, version) if version != found or before is None else before
    work.tell(first=before.score if before else after.score, rounds=1)
    if before is not None and after.rank() <= before.rank():
        work.tell(lost=int(after is not before))
        return mend(work, before, 2)
    work.land(1, version)
    work.tell(kept=1)
    return mend(work, after, 2)


def _written(work: Work, version: Version) -> Version:
    """Carry out the phases, each of which sees what those before it have written."""
    wanted = work.track.definition.research
    for phase in work.track.definition.phases:
        if phase.when == "missing" and (version.texts.get(phase.writes) or "").strip():
            continue
        problem = partial(_lacks, wanted if phase.writes == RESEARCH else None)
        step, prompt = f"phase {phase.name}", f"phase:{phase.name}"
        text = work.write(step, prompt, "submit_text", phase.writes, version, problem)
        version = version.with_({phase.writes: text})
    return version


def _lacks(wanted: Research | None, written: Text) -> str:
    return lacks(written.text, wanted) if wanted else ""
