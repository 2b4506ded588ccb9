"""The files of a folder as git sees them: what is tracked, and what is there and not ignored.

Nothing is written, the index of the repository included.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from nightwork.errors import bad_input
from nightwork.workspace.git import Git

_OTHERS = ("ls-files", "--others", "--exclude-standard", "-z")


def list_files(folder: Path) -> list[str]:
    """Return the paths below a folder, relative to it, in no order: tracked, or untracked and not ignored.

    A folder that is in no repository, or ignored by the one around it, is taken for one of its own, without commits;
    so are repositories within it. Links, submodules and files that were deleted may be among them.
    """
    if not folder.is_dir():
        raise bad_input(folder, "no such folder; name one with --repo")
    code, told, _ = Git(folder).status(*_OTHERS, "--cached", "--deduplicate")
    paths = [path for path in told.split("\0") if path] if code == 0 else []
    return paths or _plain(folder)


def _plain(top: Path) -> list[str]:
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nightwork-listing-") as empty:
        Git(Path(empty))("init", "--quiet", "--bare", "--template=", ".")
        pending = [""]
        while pending:
            below = pending.pop()
            where = (f"--git-dir={empty}", f"--work-tree={top / below}")
            for path in Git(top / below)(*where, *_OTHERS).split("\0"):
                if path.endswith("/"):
                    pending.append(below + path)
                elif path:
                    found.append(below + path)
    return found
