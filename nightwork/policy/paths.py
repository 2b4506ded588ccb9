"""The path policy: files that decide how a change is judged, built or worked on need a person, whatever they say.

Paths are compared as the most forgiving file system would: without case, compatibility forms of letters as the letter,
characters that nobody sees left out.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterator, Sequence

from nightwork.agent.results import Trigger
from nightwork.gates.flags import CI, GATE_CONFIG, HOOKS, LOCK_FILES, matches
from nightwork.gates.tricks import instruction_files
from nightwork.guarding import Guarded
from nightwork.markdown import printable
from nightwork.policy.held import Held
from nightwork.settings import FILE_NAME, Settings
from nightwork.workspace import Repository
from nightwork.workspace.entries import EXECUTABLE, LINK, SUBMODULE, TreeEntry

INSTRUCTIONS = (
    "CLAUDE*.md",
    "AGENTS*.md",
    "GEMINI.md",
    "QWEN.md",
    ".claude/*",
    ".codex/*",
    ".gemini/*",
    ".cursor/*",
    ".cursorrules",
    ".windsurf/*",
    ".windsurfrules",
    ".clinerules*",
    ".roo/*",
    ".aider*",
    ".opencode/*",
    ".mcp.json",
    ".junie/*",
    ".kiro/*",
)
_PROGRAMS = (b"\x7fELF", b"MZ", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_READ_WHOLE = 5_000_000
_LOOKED_AT = 8_000  # bytes in which git, too, looks for a NUL


def held_paths(entries: Sequence[TreeEntry], repository: Repository, settings: Settings) -> Iterator[Held]:
    """Yield what of a change needs a person because of where it stands or what kind of file it is."""
    policy, named = settings.policy, _named(settings)
    sizes = repository.blob_sizes([entry.new_blob for entry in entries if entry.new_blob])
    contents = repository.read_blobs({blob: size for blob, size in sizes.items() if size <= _READ_WHOLE})
    heads = {blob: content[:_LOOKED_AT] for blob, content in contents.items()}
    for entry in entries:
        path = plain(entry.path)
        if matches(path, policy.allowed):
            continue
        reasons = {kind: why for kind, why, patterns in named if _is_in(path, entry, patterns)}
        reasons |= _by_kind(entry, heads, sizes, policy.max_binary_kb)
        for kind, why in reasons.items():
            if kind is None or kind in policy.hold:
                trigger = Trigger.ARCHITECTURE if kind is Guarded.LOCK_FILES else Trigger.SECURITY
                seen = f"{kind or 'protected'}\0{entry.path}\0{entry.new_mode}\0{entry.new_blob}"
                yield Held(trigger, f"{entry.name}: {_change(entry)}{why}", seen, entry.path)


def plain(path: str) -> str:
    """Return a path as a file system that forgives most would read it."""
    parts = printable(unicodedata.normalize("NFKC", path)).casefold().split("/")
    return "/".join(part.rstrip(" .") or part for part in parts)


def leads_out(path: str, target: str) -> bool:
    """Tell whether a link leads out of the tree, into git's own folder, or back up behind a name.

    The last may lead out once what it names is a link as well.
    """
    parts = target.replace("\\", "/").split("/")
    names = [number for number, part in enumerate(parts) if part not in {"", ".", ".."}]
    climbs_again = bool(names) and ".." in parts[names[0] :]
    there = posixpath.normpath(posixpath.join(posixpath.dirname(path), "/".join(parts)))
    return climbs_again or there.startswith(("/", "../")) or there == ".." or ".git" in plain(there).split("/")


def _named(settings: Settings) -> list[tuple[Guarded | None, str, tuple[str, ...]]]:
    own: tuple[str, ...] = (FILE_NAME, ".nightwork/*")
    if not posixpath.isabs(settings.tickets):
        own += (f"{posixpath.normpath(settings.tickets)}/*",)
    gate_config = (*GATE_CONFIG, *settings.gate_config, *instruction_files(settings.gates))
    return [
        (Guarded.CI, "tells the build what to run", (*CI, ".github/*")),
        (Guarded.HOOKS, "tells git what to run or to fetch", (*HOOKS, ".gitconfig", ".lfsconfig", "*.git/*", ".git")),
        (Guarded.LOCK_FILES, "says which code of others is installed", LOCK_FILES),
        (Guarded.GATE_CONFIG, "configures the gates", tuple(each for each in gate_config if each not in own)),
        (Guarded.NIGHTWORK, "tells nightwork what to do", own),
        (Guarded.INSTRUCTIONS, "tells coding agents what to do", INSTRUCTIONS),
        (None, "is protected by the settings", settings.policy.protected),
    ]


def _is_in(path: str, entry: TreeEntry, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern names the path; a link or a submodule stands for all that would be below it."""
    is_folder = LINK in {entry.old_mode, entry.new_mode} or SUBMODULE in {entry.old_mode, entry.new_mode}
    return matches(path, patterns) or (is_folder and matches(f"{path}/x", patterns))


def _change(entry: TreeEntry) -> str:
    if entry.new_mode is None:
        return "is deleted; it "
    return "" if entry.old_mode else "is new; it "


def _by_kind(
    entry: TreeEntry, heads: dict[str, bytes], sizes: dict[str, int], max_binary_kb: int
) -> dict[Guarded | None, str]:
    if SUBMODULE in {entry.new_mode, entry.old_mode}:
        return {Guarded.SUBMODULES: "is a submodule: code of another repository"}
    if entry.new_mode == LINK and entry.new_blob:
        target = heads.get(entry.new_blob, b"/").decode("utf-8", "surrogateescape")
        return {Guarded.LINKS: f"leads to {target!r}, out of the repository"} if leads_out(entry.path, target) else {}
    if not entry.is_file or not entry.new_blob:
        return {}
    size = sizes.get(entry.new_blob, 0)
    head = heads.get(entry.new_blob, b"\0")  # what is too large to be read counts as binary
    found: dict[Guarded | None, str] = {}
    if head.startswith(_PROGRAMS) and b"\0" in head:
        found[Guarded.EXECUTABLES] = "is a compiled program"
    elif entry.new_mode == EXECUTABLE and entry.old_mode != EXECUTABLE and (entry.old_mode or head[:2] != b"#!"):
        found[Guarded.EXECUTABLES] = "becomes executable"
    if b"\0" in head and size > max_binary_kb * 1024:
        found[Guarded.BINARIES] = f"is a binary file of {size // 1024:,} KB"
    return found
