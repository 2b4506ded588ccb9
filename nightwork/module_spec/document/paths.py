"""Where the spec of a unit stands below `specs/`: two units never share a spec."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from urllib.parse import quote

SUFFIX = ".spec.md"
INDEX = f"_index{SUFFIX}"
# Bytes of a file's name that every file system takes.
_LONGEST_NAME = 255
_OURS = re.compile(r"_+(index|root)")
# Folders of a project that below `specs/` would stand in the place of a file or folder of ours.
_OUR_FOLDERS = re.compile(r"(\.state|\.reverse-spec-checkpoint\.json|.*\.md)_*", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_./-]*")


@functools.lru_cache(maxsize=8_192)
def spec_path(unit: str) -> str:
    """Return the path of a unit's spec below `specs/`; the root of the project is `_root`.

    A unit with a name of ours gets one more underscore, so that it stays apart from ours and from all others; so does
    a folder.
    """
    unit = "_root" if unit in {"", "."} else f"_{unit}" if _OURS.fullmatch(unit) else unit
    *folders, name = unit.split("/")
    return "/".join([*map(_apart, folders), f"{_short(name)}{SUFFIX}"])


def link(unit: str, base: str = "") -> str:
    """Return the address of a unit's spec, written for a Markdown link in the spec at `base` below `specs/`."""
    target = _address(unit)
    folder = base.rpartition("/")[0]
    if folder and target.startswith(f"{folder}/"):
        return target[len(folder) + 1 :]
    return "../" * base.count("/") + target


@functools.lru_cache(maxsize=8_192)
def _address(unit: str) -> str:
    path = spec_path(unit)
    return path if _PLAIN.fullmatch(path) else quote(os.fsencode(path))


def _apart(folder: str) -> str:
    return f"{folder}_" if _OUR_FOLDERS.fullmatch(folder) else folder


def _short(name: str) -> str:
    """Return a name that leaves room for the suffix; what is cut off is told by its digest."""
    encoded, room = os.fsencode(name), _LONGEST_NAME - len(SUFFIX)
    if len(encoded) <= room:
        return name
    digest = hashlib.blake2b(encoded, digest_size=8).hexdigest()
    return encoded[: room - len(digest) - 1].decode("utf-8", "ignore") + "~" + digest
