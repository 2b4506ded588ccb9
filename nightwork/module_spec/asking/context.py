"""What a model gets to see of a module: its own source, and of what it needs the interface parts of the specs alone.

The size is bounded whatever the size of the project. Everything in it is data: it stands in marked blocks that it
cannot end, and without secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nightwork.llm.estimate import BYTES_PER_TOKEN, estimated_tokens, tokens_of
from nightwork.markdown import data_block, storable
from nightwork.module_spec.asking.excerpt import shown
from nightwork.module_spec.asking.interface import MAX_INTERFACE_TOKENS
from nightwork.module_spec.source.skeleton import Skeleton


@dataclass(frozen=True)
class Caps:
    """How much of what a model gets to see, in tokens."""

    source_tokens: int = 24_000
    dependencies: int = 25
    dependency_tokens: int = MAX_INTERFACE_TOKENS
    least_tokens: int = 300  # of all dependencies together, even beside the smallest source
    share: float = 0.3  # of all dependencies together beside a large source


@dataclass(frozen=True)
class Context:
    """What a model gets to see; `cut` are the declarations of which it sees the signature alone."""

    text: str
    dependency_text: str  # what `text` shows of dependencies, before marks and redaction; a content key digests it
    is_truncated: bool
    estimated_tokens: int
    cut: tuple[str, ...] = ()


_DEFAULT_CAPS = Caps()


def needs_model(skeletons: Sequence[Skeleton]) -> bool:
    """Say whether a unit has anything that a model could tell of: a symbol, or a file that cannot be parsed."""
    return any(skeleton.symbols or (skeleton.error and skeleton.size) for skeleton in skeletons)


def dependency_text(
    skeletons: Sequence[Skeleton], dependencies: Sequence[tuple[str, str]], caps: Caps = _DEFAULT_CAPS
) -> str:
    """Return what a unit's model gets to see of its dependencies, given as (path, interface part) in their order.

    How much that is depends on the power of two below the size of the unit's source, so that an edit of a comment does
    not change it. The text is not redacted yet: what is secret here and now is no part of a content key.
    """
    size = sum(tokens_of(skeleton.size) for skeleton in skeletons)
    own = min(1 << max(size.bit_length() - 1, 0), caps.source_tokens)
    room = int(max(caps.least_tokens, own * caps.share) * BYTES_PER_TOKEN)
    parts = []
    for path, text in dependencies[: caps.dependencies]:
        part = _first_lines(
            f"=== {' '.join(path.split())}\n{_inside(text)}", int(caps.dependency_tokens * BYTES_PER_TOKEN)
        )
        part = _first_lines(part, room)
        if "\n" not in part:
            break
        parts.append(part)
        room -= _size(part) + 1
    return "\n".join(parts)


def assemble(
    skeletons: Sequence[Skeleton],
    sources: Mapping[str, str],
    dependencies: Sequence[tuple[str, str]],
    caps: Caps = _DEFAULT_CAPS,
) -> Context:
    """Return what a model gets to see of a unit; `sources` are the texts of its files by path."""
    own = shown(skeletons, sources, caps.source_tokens)
    needed = dependency_text(skeletons, dependencies, caps)
    told = {"source": own.text, "dependencies": needed}  # names of files may be no text
    blocks = [data_block(kind, storable(text)) for kind, text in told.items() if text or kind == "source"]
    text = "\n\n".join(blocks)
    return Context(text, needed, own.is_truncated, estimated_tokens(text), own.cut)


def _inside(text: str) -> str:
    """Return a text of which no line looks like the head of another module: a model may have written it."""
    return "\n".join(f" {line}" if line.startswith("===") else line for line in text.splitlines())


def _first_lines(text: str, room: int) -> str:
    """Return the lines from the first on that fit into so many bytes."""
    if _size(text) <= room:
        return text
    lines = []
    for line in text.split("\n"):
        room -= _size(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
