"""Tickets as Markdown files in a folder: one file, one ticket; the template is in docs/tickets.md."""

from __future__ import annotations

import os
from pathlib import Path

from nightwork.errors import BadInput, Fault, bad_input
from nightwork.redact import redact
from nightwork.ticket import Ticket, parse_ticket
from nightwork.tracker.found import Found
from nightwork.yamlfile import read_text


class FolderTracker:
    """Reads `*.md` of one folder, not of sub-folders, by name; README.md and TEMPLATE.md are no tickets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self) -> Found:
        """Read every file; a faulty one is reported with all its faults and the others go on."""
        if not self.folder.is_dir():
            raise bad_input(self.folder, "no such folder of tickets; make it, or name another with --tickets")
        tickets: list[tuple[str, Ticket]] = []
        unreadable: list[tuple[str, tuple[Fault, ...]]] = []
        for path in sorted(self.folder.glob("*.md")):
            name = f"{self.folder.name}/{os.fsencode(path.name).decode('utf-8', 'replace')}"
            if path.name.casefold() in {"readme.md", "template.md"}:
                continue
            try:
                tickets.append((name, parse_ticket(self._read(path, name), name)))
            except BadInput as error:
                unreadable.append((name, tuple(Fault(fault.where, redact(fault.problem)) for fault in error.faults)))
        return Found(tuple(tickets), tuple(unreadable))

    def _read(self, path: Path, name: str) -> str:
        try:
            inside = not path.is_symlink() or path.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError) as error:
            raise bad_input(name, "is a link that leads nowhere") from error
        if not inside:
            raise bad_input(name, "is a link to a place outside the folder of tickets")
        return read_text(path, name)
