"""Which symbol of today is which of the baseline, renamed ones included."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nightwork.module_spec.source.skeleton import Symbol, SymbolKind

_NUMBER = re.compile(r"#\d+")
_FOLDERS = frozenset({SymbolKind.CLASS, SymbolKind.INTERFACE})
_MOST_COMPARED = 10_000  # pairs of classes
_DEEPEST = 100  # classes in each other; Python itself takes no more
_ALIKE = 0.5  # of the members of two classes, for one to be the other under a new name


@dataclass(frozen=True, slots=True)
class Pairing:
    """Symbols before and after; in `renamed` the one before has its old name. Members of what is gone are left out."""

    kept: tuple[tuple[Symbol, Symbol], ...]
    renamed: tuple[tuple[Symbol, Symbol], ...]
    removed: tuple[Symbol, ...]
    added: tuple[Symbol, ...]


def pair(before: Sequence[Symbol], after: Sequence[Symbol]) -> Pairing:
    """Pair the symbols of one file."""
    _, removed, added = _by_name(before, after)
    classes = _renamed_classes(before, after, removed, added)
    moved = [_moved(symbol, classes) for symbol in before]
    originals = {id(new): old for new, old in zip(moved, before, strict=True)}
    kept, removed, added = _by_name(moved, after)
    renamed = [(originals[id(old)], new) for old, new in kept if _is_class_renamed(originals[id(old)], old)]
    kept = [(old, new) for old, new in kept if not _is_class_renamed(originals[id(old)], old)]
    others = _renamed(moved, after, removed, added)
    gone, new = {id(old) for old, _ in others}, {id(new) for _, new in others}
    renamed += [(originals[id(old)], new) for old, new in others]
    removed = [symbol for symbol in removed if id(symbol) not in gone]
    added = [symbol for symbol in added if id(symbol) not in new]
    return Pairing(tuple(kept), tuple(renamed), tuple(_outermost(removed)), tuple(_outermost(added)))


def local_name(symbol: Symbol) -> str:
    """Return a symbol's name inside its class, without the number of a repeated definition."""
    return _NUMBER.sub("", symbol.name).rpartition(".")[2]


def _by_name(
    before: Sequence[Symbol], after: Sequence[Symbol]
) -> tuple[list[tuple[Symbol, Symbol]], list[Symbol], list[Symbol]]:
    """Pair by name; among repeated definitions first those that are equal, then in their order."""
    groups: dict[str, tuple[list[Symbol], list[Symbol]]] = defaultdict(lambda: ([], []))
    for side, symbols in enumerate((before, after)):
        for symbol in symbols:
            groups[_NUMBER.sub("", symbol.name)][side].append(symbol)
    kept: list[tuple[Symbol, Symbol]] = []
    removed: list[Symbol] = []
    added: list[Symbol] = []
    for olds, news in groups.values():
        if len(olds) > 1 or len(news) > 1:
            _pair_equal(olds, news, kept)
        kept += zip(olds, news, strict=False)
        removed += olds[len(news) :]
        added += news[len(olds) :]
    return kept, removed, added


def _pair_equal(olds: list[Symbol], news: list[Symbol], kept: list[tuple[Symbol, Symbol]]) -> None:
    places: dict[tuple[str, str], list[Symbol]] = defaultdict(list)
    for new in reversed(news):
        places[new.signature, new.body].append(new)
    taken = set()
    rest = []
    for old in olds:
        same = places[old.signature, old.body]
        if same:
            taken.add(id(same[-1]))
            kept.append((old, same.pop()))
        else:
            rest.append(old)
    olds[:] = rest
    news[:] = [new for new in news if id(new) not in taken]


def _renamed_classes(
    before: Iterable[Symbol], after: Iterable[Symbol], removed: Iterable[Symbol], added: Iterable[Symbol]
) -> dict[str, str]:
    """Return the new names of classes, by the old ones."""
    gone = [symbol for symbol in _outermost(removed) if symbol.kind in _FOLDERS]
    new = [symbol for symbol in _outermost(added) if symbol.kind in _FOLDERS]
    if not gone or not new or len(gone) * len(new) > _MOST_COMPARED:
        return {}
    members = _members(before), _members(after)
    found: dict[str, str] = {}
    for old in gone:
        own = members[0][old.name]
        best = max(new, key=lambda each: _likeness(own, members[1][each.name]), default=None)
        if best is None or best.kind is not old.kind or not own:
            continue
        if _likeness(own, members[1][best.name]) >= _ALIKE:
            found[old.name] = best.name
            new.remove(best)
    return found


def _members(symbols: Iterable[Symbol]) -> dict[str, Counter[tuple[str, str]]]:
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for symbol in symbols:
        found[symbol.name.rpartition(".")[0]][local_name(symbol), symbol.body] += 1
    return found


def _likeness(some: Counter[tuple[str, str]], others: Counter[tuple[str, str]]) -> float:
    either = (some | others).total()
    return (some & others).total() / either if either else 0.0


def _moved(symbol: Symbol, classes: dict[str, str]) -> Symbol:
    """Return a symbol with the new name of the class that it is, or is in."""
    for name in (symbol.name, *_enclosing(symbol.name)) if classes else ():
        if name in classes:
            return replace(symbol, name=classes[name] + symbol.name[len(name) :])
    return replace(symbol)


def _is_class_renamed(original: Symbol, moved: Symbol) -> bool:
    return local_name(original) != local_name(moved)


def _renamed(
    before: Iterable[Symbol], after: Iterable[Symbol], removed: Sequence[Symbol], added: Sequence[Symbol]
) -> list[tuple[Symbol, Symbol]]:
    """Pair what has the same body under another name: a body that nothing else has, or the same signature too."""
    if not removed or not added:
        return []
    often = Counter(symbol.body for symbol in before), Counter(symbol.body for symbol in after)
    alike: dict[tuple[str, ...], list[Symbol]] = defaultdict(list)
    for new in reversed(added):
        if new.kind not in _FOLDERS:
            alike[_likeness_key(new, often)].append(new)
    pairs = []
    for old in removed:
        same = alike.get(_likeness_key(old, often))
        if same:
            pairs.append((old, same.pop()))
    return pairs


def _likeness_key(symbol: Symbol, often: tuple[Counter[str], Counter[str]]) -> tuple[str, ...]:
    is_only_one = often[0][symbol.body] == often[1][symbol.body] == 1
    return _scope(symbol), symbol.kind, symbol.body, "" if is_only_one else nameless(symbol)


def nameless(symbol: Symbol) -> str:
    """Return a symbol's signature with a blank in the place of its name."""
    return re.sub(rf"(?<!\w){re.escape(local_name(symbol))}(?!\w)", "_", symbol.signature, count=1)


def _scope(symbol: Symbol) -> str:
    return symbol.name.rpartition(".")[0]


def _outermost(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Return symbols without the members of others among them."""
    symbols = list(symbols)
    names = {symbol.name for symbol in symbols}
    return [symbol for symbol in symbols if not any(name in names for name in _enclosing(symbol.name))]


def _enclosing(name: str) -> Iterable[str]:
    """Yield the names around one, the nearest first."""
    for _ in range(_DEEPEST):
        if not (name := name.rpartition(".")[0]):
            return
        yield name
