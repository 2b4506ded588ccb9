"""The baseline in a spec: what drift compares today's code with, as the comment that ends the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nightwork.module_spec.document.comment import read_comment, write_comment
from nightwork.module_spec.document.header import digest
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Skeleton, Symbol, SymbolKind
from nightwork.redact import find, redact

_MOST_LINES = 100  # one line a file, so that a change of one file is one line of a diff, as long as a spec stays short


def write_baseline(skeletons: Sequence[Skeleton], have_secrets: bool = True) -> str:
    """Return the comment that ends a spec; `read_baseline` of it is `baseline_form` of the same skeletons.

    `have_secrets` is False for skeletons that somebody has looked through already.
    """
    records = [_record(skeleton) for skeleton in (_without_secrets(skeletons) if have_secrets else skeletons)]
    return write_comment("baseline", records if len(records) <= _MOST_LINES else [records])


def read_baseline(text: str) -> tuple[Skeleton, ...] | None:
    """Return what a spec's baseline holds; None when there is none, or it is not as it was written."""
    records = read_comment(text, "baseline")
    if records and isinstance(records[0], list):
        records = records[0]
    try:
        return None if records is None else tuple(map(_skeleton, records))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def baseline_form(skeletons: Sequence[Skeleton]) -> tuple[Skeleton, ...]:
    """Return skeletons as a baseline knows them: compare these, never a baseline with what was just read from a file.

    Secrets are redacted, a summary is its digest, imports are sorted, and what drift does not look at is left out.
    """
    return tuple(_skeleton(_record(skeleton)) for skeleton in _without_secrets(skeletons))


def _without_secrets(skeletons: Sequence[Skeleton]) -> Sequence[Skeleton]:
    if find("\n".join(text for skeleton in skeletons for text in _texts(skeleton))):
        return [_redacted(skeleton) for skeleton in skeletons]
    return skeletons


def _texts(skeleton: Skeleton) -> list[str]:
    texts = [skeleton.error]
    for symbol in skeleton.symbols:
        texts += (symbol.name, symbol.signature)
    for each in skeleton.imports:
        texts += (each.module, *each.names)
    return texts


def _redacted(skeleton: Skeleton) -> Skeleton:
    symbols = tuple(
        replace(each, name=redact(each.name), signature=redact(each.signature)) for each in skeleton.symbols
    )
    imports = tuple(
        replace(each, module=redact(each.module), names=tuple(map(redact, each.names))) for each in skeleton.imports
    )
    return replace(skeleton, error=redact(skeleton.error), symbols=symbols, imports=imports)


def _summary_digest(symbol: Symbol) -> str:
    return digest(symbol.summary)[:8] if symbol.summary else ""


def _record(skeleton: Skeleton) -> dict[str, Any]:
    imports = {(each.level, each.module, each.names, each.kind) for each in skeleton.imports}
    return {
        "path": skeleton.path,
        "language": skeleton.language,
        "source_hash": skeleton.source_hash,
        "tree_hash": skeleton.tree_hash,
        "error": skeleton.error,
        "imports": sorted(imports),
        "symbols": [
            (each.name, each.kind, each.signature, each.body, each.is_public, _summary_digest(each))
            for each in skeleton.symbols
        ],
    }


def _skeleton(record: Any) -> Skeleton:
    path, language, source_hash, tree_hash, error = (
        _text(record[key]) for key in ("path", "language", "source_hash", "tree_hash", "error")
    )
    imports = tuple(
        Import(_text(module), tuple(map(_text, names)), int(level), EdgeKind(kind), 0)
        for level, module, names, kind in record["imports"]
    )
    symbols = tuple(
        Symbol(
            name=_text(name),
            kind=SymbolKind(kind),
            signature=_text(signature),
            summary=_text(summary),
            body=_text(body),
            line=0,
            lines=0,
            is_public=is_public is True,
            documented=bool(summary),
        )
        for name, kind, signature, body, is_public, summary in record["symbols"]
    )
    return Skeleton(path, language, 0, 0, source_hash, tree_hash, error, symbols=symbols, imports=imports)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value
