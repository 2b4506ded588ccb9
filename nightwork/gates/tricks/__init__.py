"""Changes that may pass a gate without deserving it: what they add that tools, tests or reviewers are misled by.

Code can hide what it does from any such search, so what is found is flagged and never counted as proof of its absence;
what can be prevented (configuration of the base, clean checkouts, reports of the gate's own) is prevented elsewhere.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath

from nightwork.gate_settings import GateSettings
from nightwork.gates.judgement import Flag
from nightwork.gates.tricks.commands import description_files, instruction_files
from nightwork.gates.tricks.places import place_remarks
from nightwork.gates.tricks.remark import Edited, Remark, told
from nightwork.gates.tricks.syntax import syntax_remarks
from nightwork.gates.tricks.wording import WORDINGS, Wording, is_code, is_python
from nightwork.testfile import is_test_file

__all__ = ["Edited", "Remark", "description_files", "find_tricks", "instruction_files", "told"]

# An edited line is the one before when this share of its words is.
ALIKE = 0.6
MAX_COMPARED = 100

_LONE_RETURN = re.compile(rb"\r(?!\n)")
_WORD = re.compile(r"\w+")
_ASSERTION = re.compile(r"\b(?:assert|expect|should|require)\w*\b")


def find_tricks(
    edits: Sequence[Edited],
    gates: Sequence[GateSettings],
    copies: Mapping[str, str],
    paths: Collection[str] = (),
) -> list[Remark]:
    """Return what a person should look at, in the order of the files.

    Only what a change brings counts: a line that was moved, or indented anew, was there before. `copies` are new files
    with what they copy, `paths` all files of the change's tree.
    """
    remarks = list(place_remarks(edits, gates, copies, paths))
    wordings = (*WORDINGS, *_own_files(gates))
    moved = Counter(_squeezed(line) for edited in edits if edited.lines for line in edited.lines.removed)
    for edited in edits:
        if edited.file.status[0] == "D" or (edited.lines is None and not is_code(edited.path)):
            continue
        if edited.lines is None:
            remarks.append(Remark(Flag.NOT_EXAMINED, edited.path, text="too large, or its name is no text"))
            continue
        fresh = {number: line for number, line in edited.lines.added if not _was_there(line, moved)}
        remarks += _worded(edited, fresh, wordings)
        remarks += syntax_remarks(edited, fresh)
        remarks += _fewer_assertions(edited)
        remarks += _oddly_encoded(edited)
    return remarks


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _was_there(line: str, moved: Counter[str]) -> bool:
    text = _squeezed(line)
    if not moved[text]:
        return False
    moved[text] -= 1
    return True


def _own_files(gates: Sequence[GateSettings]) -> Iterator[Wording]:
    """Yield what names the files into which gates write: only the gates should know them."""
    for gate in gates:
        for path in (gate.report_path, gate.coverage_path):
            if path:
                yield Wording(Flag.GATE_DETECTED, re.compile(re.escape(PurePosixPath(path).name)), is_code)


def _worded(edited: Edited, fresh: Mapping[int, str], wordings: Sequence[Wording]) -> Iterator[Remark]:
    suspects = {
        (number, wording)
        for wording in wordings
        if wording.applies(edited.path)
        for number, line in fresh.items()
        if wording.pattern.search(line)
    }
    if not suspects:
        return
    comments = _comments(edited) if is_python(edited.path) else None
    for number, wording in sorted(suspects, key=lambda suspect: (suspect[0], suspect[1].flag)):
        text = fresh[number] if comments is None else _part(fresh[number], comments.get(number), wording)
        found = wording.pattern.search(text)
        if found and not _kept(wording, fresh[number], text[found.start() :].strip(), edited):
            yield Remark(wording.flag, edited.path, number, f"`{text[found.start() :].strip()}`")


def _kept(wording: Wording, line: str, marker: str, edited: Edited) -> bool:
    """Tell whether a line that was edited, not replaced, had its suppression before."""
    if wording.flag is not Flag.SUPPRESSION_ADDED or edited.lines is None:
        return False
    had = (each for each in edited.lines.removed if marker in each)
    return any(_alike(each.replace(marker, ""), line.replace(marker, "")) for each in islice(had, MAX_COMPARED))


def _alike(one: str, other: str) -> bool:
    words, others = set(_WORD.findall(one)), set(_WORD.findall(other))
    return len(words & others) >= ALIKE * max(len(words), len(others), 1)


def _part(line: str, comment_at: int | None, wording: Wording) -> str:
    if wording.part == "comment":
        return line[comment_at:] if comment_at is not None else ""
    return line[:comment_at]


def _comments(edited: Edited) -> dict[int, int] | None:
    """Return by line where the comments of a Python source begin; None when it cannot be told."""
    source = edited.after or b""
    if _LONE_RETURN.search(source):  # a new line for Python, none for git
        return None
    starts: dict[int, int] = {}
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT:
                starts.setdefault(*token.start)
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError):
        return None
    return starts


def _oddly_encoded(edited: Edited) -> Iterator[Remark]:
    """Find sources that Python reads in another encoding than tools and people do."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(edited.after or b"").readline)[0]
    except SyntaxError:
        encoding = "an unknown encoding"
    if is_python(edited.path) and encoding not in {"utf-8", "utf-8-sig", "ascii", "iso-8859-1"}:
        yield Remark(Flag.NOT_EXAMINED, edited.path, text=f"written in {encoding}")


def _fewer_assertions(edited: Edited) -> Iterator[Remark]:
    """Compare by words the tests of languages whose syntax is not read here."""
    if edited.lines is None or edited.file.status[0] == "A" or is_python(edited.path) or not is_test_file(edited.path):
        return
    had = sum(len(_ASSERTION.findall(line)) for line in edited.lines.removed)
    has = sum(len(_ASSERTION.findall(line)) for _, line in edited.lines.added)
    if has < had:
        yield Remark(Flag.TEST_WEAKENED, edited.path, text=f"{had} lines with assertions became {has}")
