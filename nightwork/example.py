"""The bundled examples: a repository with tickets and a script for the model, and what a run of it must come to."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from nightwork.errors import bad_input
from nightwork.manifest import load_manifest
from nightwork.review import ReviewDocument
from nightwork.workspace import Repository

_PACKAGED = Path(__file__).parent / "examples"
_FOLDER = _PACKAGED if _PACKAGED.exists() else Path(__file__).parent.parent / "examples"


def unpack(name: str, into: Path | None = None) -> Path:
    """Copy an example's repository to a folder (by default a new temporary one) and commit it; returns the folder.

    Raises BadInput when the folder holds something.
    """
    folder = (into or Path(tempfile.mkdtemp(prefix="nightwork-demo-")) / name).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise bad_input(folder, "is not empty; name a new folder with --into")
    shutil.copytree(_FOLDER / name / "repository", folder, dirs_exist_ok=True, ignore=_LEFTOVERS)
    Repository.create(folder, f"Example {name}")
    return folder


_LEFTOVERS = shutil.ignore_patterns("__pycache__", ".*_cache", ".nightwork")


def differences(name: str, repository: Path, document: ReviewDocument) -> list[str]:
    """Return what came out differently from the example's `expected.yaml`; [] when all is as scripted."""
    expected = yaml.safe_load((_FOLDER / name / "expected.yaml").read_text(encoding="utf-8"))
    manifest = load_manifest(repository / ".nightwork" / "batches" / document.batch_id / "manifest.yaml")
    found = {entry.id: [entry.outcome.partition("(")[0], entry.verdict] for entry in manifest.tickets}
    unready = [row.ticket for row in document.unready]
    told = [
        f"{ticket}: {found.get(ticket)}, expected {wanted}"
        for ticket, wanted in expected["outcomes"].items()
        if found.get(ticket) != wanted
    ]
    told += [f"{ticket}: not expected" for ticket in found if ticket not in expected["outcomes"]]
    return told + ([] if unready == expected["unready"] else [f"unready {unready}, expected {expected['unready']}"])
