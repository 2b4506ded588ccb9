"""Where the state of a user is kept that belongs to no repository."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nightwork.errors import Infrastructure


def state_home() -> Path:
    """Return the user's folder, made when it is missing (XDG Base Directory Specification, "state files").

    Raises Infrastructure when the one that takes its place where there is no home belongs to somebody else.
    """
    told = Path(os.environ.get("XDG_STATE_HOME", ""))
    home = told if told.is_absolute() else Path.home() / ".local" / "state"
    folder = home / "nightwork"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"nightwork-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
            raise Infrastructure(
                str(folder), "belongs to somebody else; set XDG_STATE_HOME to a folder of yours"
            ) from None
    return folder
