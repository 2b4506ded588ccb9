"""A small project, a server that answers for its modules, and runs of the one with the other."""

from __future__ import annotations

import re
from pathlib import Path

from messages_server import Answer, Asked, MessagesServer, tools

from nightwork.module_spec.batch import run_batch
from nightwork.module_spec.result import BatchResult
from nightwork.spec_settings import SpecsOptions

MODEL = "claude-opus-5-5"


def unit_of(asked: Asked) -> str:
    found = re.search(r"^=== (\S+)$", asked.words(), re.MULTILINE)
    assert found
    return found[1]


def shown_of(asked: Asked) -> dict[str, str]:
    """Return what a request shows of each dependency, in its order."""
    _, *parts = re.split(r"^=== (\S+)\n", asked.words(), flags=re.MULTILINE)
    return dict(zip(parts[2::2], parts[3::2], strict=True))


def good(asked: Asked) -> Answer:
    unit = unit_of(asked)
    return tools(submit_spec={"purpose": f"Purpose of {unit}.", "intent": f"Intent of {unit}."})


class Shop:
    """A project, and the server that answers for it as `say` tells."""

    def __init__(self, root: Path, server: MessagesServer) -> None:
        self.root, self.server, self.say = root, server, good

    def run(self, model: str = MODEL, force: bool = False, **options: object) -> BatchResult:
        given = {"parallel": 1, "max_retries": 0, **options}
        return run_batch(self.root, force, options=SpecsOptions.model_validate({"model": model, **given}))

    def asked(self) -> list[str]:
        """Return the units that were asked for since the last time."""
        found = [unit_of(asked) for asked in self.server.requests]
        self.server.requests.clear()
        return found

    def spec(self, unit: str) -> str:
        return (self.root / f"specs/{unit}.spec.md").read_text()

    def change(self, path: str, old: str, new: str) -> None:
        source = (self.root / path).read_text()
        assert old in source
        (self.root / path).write_text(source.replace(old, new))
