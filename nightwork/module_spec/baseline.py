"""The baseline in a spec: what drift compares today's code with, as the comment that ends the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nightwork.module_spec.comment import read_comment, write_comment
from nightwork.module_spec.header import digest
from nightwork.module_spec.skeleton import EdgeKind, Import, Skeleton, Symbol, SymbolKind
from nightwork.redact import find, redact

_MOST_LINES = 100  # one line a file, so that a change of one file is one line of a diff, as long as a spec stays short


def write_baseline(skeletons: Sequence[Skeleton], have_secrets: bool = True) -> str:
    """Return the comment that ends a spec; `read_baseline` of it is `baseline_form` of the same skeletons.

    `have_secrets` is False for skeletons that somebody has looked through already.
    """
    forms = baseline_form(skeletons) if have_secrets else map(_bare, skeletons)
    records = [_record(skeleton) for skeleton in forms]
    return write_comment("baseline", records if len(records) <= _MOST_LINES else [records])


def read_baseline(text: str) -> tuple[Skeleton, ...] | None:
    """Return what a spec's baseline holds; None when there is none, or it is not as it was written."""
    records = read_comment(text, "baseline")
    if records and isinstance(records[0], list):
        records = records[0]
    try:
        return None if records is None else tuple(map(_skeleton, records))
    except (ValueError, TypeError, KeyError):
        return None


def baseline_form(skeletons: Sequence[Skeleton]) -> tuple[Skeleton, ...]:
    """Return skeletons as a baseline knows them: compare these, never a baseline with what was just read from a file.

    Secrets are redacted, a summary is its digest, imports are sorted, and what drift does not look at is left out.
    """
    if find("\n".join(text for skeleton in skeletons for text in _texts(skeleton))):
        skeletons = [_redacted(skeleton) for skeleton in skeletons]
    return tuple(_bare(skeleton) for skeleton in skeletons)


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
    return replace(skeleton, path=redact(skeleton.path), error=redact(skeleton.error), symbols=symbols, imports=imports)


def _bare(skeleton: Skeleton) -> Skeleton:
    imports = {Import(each.module, each.names, each.level, each.kind, 0) for each in skeleton.imports}
    return Skeleton(
        path=skeleton.path,
        language=skeleton.language,
        size=0,
        lines=0,
        source_hash=skeleton.source_hash,
        tree_hash=skeleton.tree_hash,
        error=skeleton.error,
        symbols=tuple(
            _symbol(each.name, each.kind, each.signature, each.body, each.is_public, _summary_digest(each))
            for each in skeleton.symbols
        ),
        imports=tuple(sorted(imports, key=lambda each: (each.level, each.module, each.names, each.kind))),
    )


def _summary_digest(symbol: Symbol) -> str:
    return digest(symbol.summary)[:8] if symbol.summary else ""


def _symbol(name: str, kind: SymbolKind, signature: str, body: str, is_public: bool, summary: str) -> Symbol:
    return Symbol(name, kind, signature, summary, body, 0, 0, is_public, documented=bool(summary))


def _record(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "path": skeleton.path,
        "language": skeleton.language,
        "source_hash": skeleton.source_hash,
        "tree_hash": skeleton.tree_hash,
        "error": skeleton.error,
        "imports": [(each.level, each.module, each.names, each.kind) for each in skeleton.imports],
        "symbols": [
            (each.name, each.kind, each.signature, each.body, each.is_public, each.summary) for each in skeleton.symbols
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
        _symbol(_text(name), SymbolKind(kind), _text(signature), _text(body), is_public is True, _text(summary))
        for name, kind, signature, body, is_public, summary in record["symbols"]
    )
    return Skeleton(path, language, 0, 0, source_hash, tree_hash, error, symbols=symbols, imports=imports)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value
