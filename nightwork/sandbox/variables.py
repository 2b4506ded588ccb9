"""The variables that every command sees: the search path and little else, none of the user's."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

_PASSED = ("LANG", "LC_ALL", "TZ")
OWN_SCRIPTS = sysconfig.get_path("scripts")


def search_path(first: Iterable[str] = (), is_shown: Callable[[str], bool] = lambda _: True) -> str:
    """Return the user's search path with `first` before it and the folder of this Python's own scripts last.

    Relative entries are left out: they would lead into the folder of the change.
    """
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), OWN_SCRIPTS]
    seen = [folder for folder in folders if Path(folder).is_absolute() and is_shown(folder)]
    return os.pathsep.join(dict.fromkeys([*first, *seen]))


def clean_variables(path: str, home: str, temporary: str, prepared: str | None) -> dict[str, str]:
    """Return the variables; `prepared` is the folder of the prepared environment as commands see it."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    own = {"NIGHTWORK_ENVIRONMENT": prepared} if prepared else {}
    return {**passed, **own, "PATH": path, "HOME": home, "TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": "1"}
