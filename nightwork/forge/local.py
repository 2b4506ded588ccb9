"""Merge requests as files: `merge_requests/<ticket>.md`, front matter for machines, Markdown for people."""

from __future__ import annotations

from pathlib import Path

import yaml

from nightwork import yamlfile
from nightwork.errors import bad_input
from nightwork.files import write_atomically
from nightwork.forge.merge_request import MergeRequest, MergeRequestState


class LocalForge:
    """Keeps one file for each ticket; a new attempt brings it up to date."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def propose(self, request: MergeRequest) -> str:
        """Write the merge request; writing the same one twice changes nothing."""
        front = yaml.safe_dump(request.model_dump(mode="json", exclude={"body"}), sort_keys=False, allow_unicode=True)
        path = self._path(request.ticket)
        write_atomically(path, f"---\n{front}---\n\n{request.body}\n")
        return str(path)

    def set_state(self, ticket: str, state: MergeRequestState) -> str:
        """Mark the merge request of a ticket; raises BadInput when there is none."""
        path = self._path(ticket)
        if not path.exists():
            raise bad_input(path, "no such merge request")
        _, front, body = yamlfile.read_text(path).split("---\n", 2)
        request = MergeRequest.model_validate({**yaml.safe_load(front), "state": state, "body": body.strip()})
        return self.propose(request)

    def _path(self, ticket: str) -> Path:
        return self.folder / f"{ticket}.md"
