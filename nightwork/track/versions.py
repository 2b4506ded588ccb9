"""The versions of a module's files: as they were found, as a model writes them, and which one lies on disk.

What was not judged to be better never reaches the track; what a person changes meanwhile is never written over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nightwork.errors import Infrastructure
from nightwork.files import write_atomically
from nightwork.markdown import one_line
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.track.definition import DOCUMENT, MAX_BYTES
from nightwork.track.texts import in_form_of
from nightwork.track.track import Module


@dataclass(frozen=True)
class Version:
    """The texts of a module's files by what they are; None stands for a file that is not there."""

    texts: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def document(self) -> str:
        """The text of the document; empty when it is not there."""
        return self.texts.get(DOCUMENT) or ""

    def with_(self, texts: Mapping[str, str]) -> Version:
        """Return this version with some texts changed."""
        return Version({**self.texts, **texts})

    def rewritten(self, texts: Mapping[str, str]) -> Version:
        """Return this version with some texts written anew by somebody who saw what `in_form_of` says."""
        return self.with_({what: in_form_of(self.texts.get(what) or "", text) for what, text in texts.items()})

    def digest(self) -> str:
        """Return what is another one when any text is."""
        told = "".join(f"{what}:{_digest(text)};" for what, text in sorted(self.texts.items()))
        return hashlib.sha256(told.encode()).hexdigest()


def read(module: Module, roles: Collection[str]) -> Version:
    """Return the files of a module as they lie there; raises Unfinished (failed) for what is no readable text."""
    return Version({what: _read(path) for what, path in module.files().items() if what in roles})


def land(module: Module, version: Version, known: Iterable[Version]) -> None:
    """Let the files of a module be those of a version, each replaced in one step; what is right already is left.

    Raises Unfinished (aborted, edited), with nothing written, when a file is none of the versions that are `known`
    here, and Infrastructure when a file cannot be written.
    """
    files, expected = module.files(), [version, *known]
    for what in version.texts:
        _check_known(files[what], what, expected)
    for what, text in version.texts.items():
        if text is not None and _read(files[what]) != text:
            try:
                write_atomically(files[what], text, check=partial(_check_known, files[what], what, expected))
            except OSError as error:
                raise Infrastructure(one_line(files[what].name), f"cannot be written: {error}") from error


def _check_known(path: Path, what: str, expected: Iterable[Version]) -> None:
    if _read(path) not in [each.texts.get(what) for each in expected]:
        message = f"{one_line(path.name)} was changed by somebody else meanwhile, and is left as it is"
        raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.EDITED, message=message))


def _read(path: Path) -> str | None:
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Infrastructure(one_line(path.name), f"cannot be read: {error.strerror}") from error
    if data is None:
        raise _unreadable(path, f"has more than {MAX_BYTES:,} bytes; split it")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _unreadable(path: Path, problem: str) -> Unfinished:
    message = f"{one_line(path.name)} {problem}"
    return Unfinished(Outcome(status=Status.FAILED, reason=Reason.ERROR, message=message))


def _digest(text: str | None) -> str:
    return "-" if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
