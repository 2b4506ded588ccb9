"""Edits of a known kind on TypeScript are found as what they are, and what formatters do is noise."""

from __future__ import annotations

import pytest

from nightwork.module_spec.document.baseline import read_baseline, write_baseline
from nightwork.module_spec.drift import Kind, Severity, UnitDrift, compare
from nightwork.module_spec.source.language.ecmascript import TYPESCRIPT

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
SOURCE = """import { b } from './b'
import a from 'a'

/** Adds. */
export function add(x: number, y: number = 1): number {
  if (x > y) throw new RangeError('too much')
  return x + y
}

const hidden = (z: string) => z.trim()

export class Queue<T> extends Base {
  private items: T[] = []
  push(item: T): void { this.items.push(item) }
  get size() { return this.items.length }
}

export interface Options { deep?: boolean; name: string }
export type Mode = 'a' | 'b'
export const LIMIT = 3
"""


def drift_of(old: str, new: str) -> UnitDrift:
    baseline = read_baseline(write_baseline([TYPESCRIPT.read("q.ts", SOURCE.encode())]))
    assert baseline is not None
    assert old in SOURCE
    return compare(baseline, {"q.ts": TYPESCRIPT.read("q.ts", SOURCE.replace(old, new).encode())})


NOISE = [
    ("x + y", "x  +  y"),
    ("  return x + y", "  // why\n  return x + y;"),
    ("(x: number, y: number = 1)", "(\n  x: number,\n  y: number = 1,\n)"),
    ("import { b } from './b'\nimport a from 'a'", 'import a from "a";\nimport { b } from "./b";'),
    ("(z: string) =>", "(z: string) /* it */ =>"),
    ("{ deep?: boolean; name: string }", "{\n  deep?: boolean,\n  name: string\n}"),
]


@pytest.mark.parametrize(("old", "new"), NOISE)
def test_what_formatters_do_is_noise(old: str, new: str):
    drift = drift_of(old, new)
    assert (drift.findings, drift.noise) == ((), 1)


EDITS = [
    ("export function add", "export function plus", Kind.RENAMED, HIGH, "add"),
    ("export function add", "function add", Kind.REMOVED, HIGH, "add"),
    ("const hidden", "const concealed", Kind.RENAMED, MEDIUM, "hidden"),
    ("class Queue<T>", "class Line<T>", Kind.RENAMED, HIGH, "Queue"),
    ("push(item: T)", "push(item: T, at: number)", Kind.SIGNATURE, MEDIUM, "Queue.push"),
    ("push(item: T)", "push(item: T, at?: number)", Kind.SIGNATURE, LOW, "Queue.push"),
    ("y: number = 1", "y: number = 2", Kind.SIGNATURE, MEDIUM, "add"),
    ("): number {", "): bigint {", Kind.SIGNATURE, MEDIUM, "add"),
    ("x + y", "x - y", Kind.BODY, LOW, "add"),
    ("/** Adds. */", "/** Subtracts. */", Kind.BODY, LOW, "add"),
    ("extends Base", "extends Other", Kind.SIGNATURE, MEDIUM, "Queue"),
    ("get size()", "size()", Kind.SIGNATURE, MEDIUM, "Queue.size"),
    ("deep?: boolean;", "", Kind.REMOVED, HIGH, "Options.deep"),
    ("name: string", "name: number", Kind.SIGNATURE, MEDIUM, "Options.name"),
    ("'a' | 'b'", "'a' | 'b' | 'c'", Kind.SIGNATURE, MEDIUM, "Mode"),
    ("name: string }", "name: string, more: string }", Kind.ADDED, LOW, "Options.more"),
    ("LIMIT = 3", "LIMIT = 4", Kind.BODY, LOW, "LIMIT"),
    ("import a from 'a'", "import a from 'c'", Kind.DEPENDENCY, LOW, "a"),
    ("export const LIMIT = 3\n", "export const LIMIT = 3\nexport const MORE = 4\n", Kind.ADDED, LOW, "MORE"),
    ("return x + y\n}", "return x + y\n", Kind.UNPARSABLE, MEDIUM, ""),
]


@pytest.mark.parametrize(("old", "new", "kind", "severity", "name"), EDITS)
def test_edits_are_classified(old: str, new: str, kind: Kind, severity: Severity, name: str):
    found = drift_of(old, new).findings
    assert (found[0].kind, found[0].severity, found[0].name) == (kind, severity, name)
    assert len(found) == (2 if kind is Kind.DEPENDENCY else 1)
