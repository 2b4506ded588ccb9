"""Which file of the project a specifier means, or which package outside of it."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

_SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_WRITTEN_FOR = {  # a specifier names the file that a compiler makes of the source
    ".js": (".ts", ".tsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts",),
    ".cjs": (".cts",),
}


def resolve(specifier: str, importer: str, files: Collection[str]) -> str | None:
    """Return the project's file that a relative specifier means in the file `importer`; None when there is none.

    `files` are the project's, by their paths with slashes: a set, for it is asked often.
    """
    if not is_relative(specifier):
        return None
    plain = specifier.partition("?")[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), plain))
    if path.startswith("../") or path == ".." or path.startswith("/"):
        return None
    path = "" if path == "." else path
    is_folder = plain.endswith(("/", "/.", "/..")) or plain in {".", ".."} or not path
    candidates = [] if is_folder else [path, *_sources(path), *(path + suffix for suffix in _SUFFIXES)]
    candidates += [posixpath.join(path, f"index{suffix}") for suffix in _SUFFIXES]
    return next((each for each in candidates if each in files), None)


def _sources(path: str) -> list[str]:
    stem, suffix = posixpath.splitext(path)
    return [stem + other for other in _WRITTEN_FOR.get(suffix, ())]


def is_relative(specifier: str) -> bool:
    """Say whether a specifier means a file by its place."""
    return specifier in {".", ".."} or specifier.startswith(("./", "../"))


def package_of(specifier: str) -> str | None:
    """Return the package that a bare specifier is of: `pkg`, `@scope/pkg`, `node:fs` with its own sign.

    None for what means a file, a URL, or a name inside of this package (`#internal`).
    """
    if is_relative(specifier) or not specifier or specifier[0] in "/#." or "://" in specifier:
        return None
    name = specifier.removeprefix("node:")
    parts = name.split("/")
    if specifier.startswith("node:") or parts[0] in BUILTIN:
        return f"node:{parts[0]}"
    if ":" in parts[0] or (parts[0].startswith("@") and len(parts) < 2):
        return None
    return "/".join(parts[:2]) if parts[0].startswith("@") else parts[0]


# https://nodejs.org/api/module.html#modulebuiltinmodules
BUILTIN = frozenset(
    """assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain
    events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl
    stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib""".split()  # noqa: SIM905
)
