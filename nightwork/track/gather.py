"""research: one file for each module, written where it is missing and held against what the track asks of it."""

from __future__ import annotations

import re

from nightwork.markdown import one_line, sections
from nightwork.outcome import Outcome, Reason, Status
from nightwork.track.definition import RESEARCH, Research
from nightwork.track.work import Work

_LINK = re.compile(r"https?://[^\s<>()\"'`\]]+")


def gather(work: Work) -> Outcome:
    """Write the research file of a module unless it is there; says what one that is there lacks."""
    wanted = work.track.definition.research
    assert wanted is not None
    standing = work.found.texts.get(RESEARCH)
    if standing is not None:
        work.tell(digest=work.found.digest())
        return Outcome(status=Status.SKIPPED, reason=Reason.EXISTS, message=lacks(standing, wanted))
    text = work.write("research", RESEARCH, "submit_research", RESEARCH, work.found, lambda it: lacks(it.text, wanted))
    version = work.found.with_({RESEARCH: text})
    work.land(1, version)
    work.tell(digest=version.digest(), rounds=1)
    return Outcome(status=Status.COMPLETED)


def lacks(text: str, wanted: Research) -> str:
    """Say what a research file lacks; empty when it holds all that is asked for."""
    filled = _filled(text)
    missing = [heading for heading in wanted.sections if _heading(heading) not in filled]
    words, links = len(text.split()), len({link.rstrip(".,;:!?") for link in _LINK.findall(text)})
    faults = [
        *([f"no section, or an empty one, under {', '.join(missing)}"] if missing else []),
        *([f"{words:,} words of {wanted.min_words:,}"] if words < wanted.min_words else []),
        *([f"{links} different links of {wanted.min_sources}"] if links < wanted.min_sources else []),
    ]
    return f"the research lacks: {'; '.join(faults)}" if faults else ""


def _filled(text: str) -> set[str]:
    """Return the headings under which something stands, if only below a smaller heading."""
    lines, found, filled = text.split("\n"), sections(text), set[str]()
    for section, after in zip(found, [*found[1:], None], strict=True):
        is_parent = after is not None and _depth(lines[after.line]) > _depth(lines[section.line])
        if section.text.strip() or is_parent:
            filled.add(_heading(section.title))
    return filled


def _depth(line: str) -> int:
    return len(line.lstrip()) - len(line.lstrip().lstrip("#"))


def _heading(title: str) -> str:
    return " ".join(one_line(title).casefold().split())
