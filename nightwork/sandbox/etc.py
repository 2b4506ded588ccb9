"""The folder /etc of a sandbox: a few files of the machine's, and some of our own, in one folder that is shown whole.

One folder, since each thing that is shown apart costs a mount of every command.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from nightwork.sandbox.places import GIT, HOME, USER

ETC = "etc"
GIT_CONFIG = "git-config"
GIT_POINTER = "git-pointer"
_COPIED = (
    "ld.so.cache", "localtime", "timezone", "mime.types", "protocols", "services", "os-release", "debian_version",
    "ssl/openssl.cnf",
)  # fmt: skip
_FOLDERS = (
    "alternatives", "ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted", "ca-certificates", "crypto-policies",
    "fonts", "java*", "perl",
)  # fmt: skip
_OF_NETWORK = ("resolv.conf", "hosts", "pip.conf")
# What tools ask of a user and of hosts, and git configuration that names no program.
_OWN = {
    f"{ETC}/passwd": f"agent:x:{USER}:{USER}:agent:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    f"{ETC}/group": f"agent:x:{USER}:\nnogroup:x:65534:\n",
    f"{ETC}/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    f"{ETC}/hosts": "127.0.0.1 localhost nightwork\n::1 localhost\n",
    f"{ETC}/resolv.conf": "",
    f"{ETC}/pip.conf": "",
    f"{ETC}/gitconfig": "[safe]\n\tdirectory = *\n",
    GIT_CONFIG: "[core]\n\trepositoryformatversion = 0\n\tbare = false\n",
    GIT_POINTER: f"gitdir: {GIT}\n",
}


def write(folder: Path) -> None:
    """Bring the files up to date; those that are as they should be are left alone."""
    for name, text in _OWN.items():
        _put(folder / name, text.encode())
    for name in _COPIED:
        with contextlib.suppress(OSError):
            _put(folder / ETC / name, Path("/etc", name).read_bytes())
    for name in _existing():
        (folder / ETC / name).mkdir(parents=True, exist_ok=True)


def mounted(network: bool) -> list[list[str]]:
    """Return the arguments for what is shown from the machine itself."""
    shown = [["--ro-bind", f"/etc/{name}", f"/etc/{name}"] for name in _existing()]
    used = [name for name in _OF_NETWORK if network and Path("/etc", name).exists()]
    return [*shown, *(["--ro-bind", f"/etc/{name}", f"/etc/{name}"] for name in used)]


def _existing() -> list[str]:
    found = [path for pattern in _FOLDERS for path in Path("/etc").glob(pattern)]
    return [str(path.relative_to("/etc")) for path in found if path.is_dir()]


def _put(path: Path, data: bytes) -> None:
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    # In one step, since commands that run see the file; not flushed, since it is compared before each use.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    temporary.write_bytes(data)
    temporary.replace(path)
