"""Checks one lesson: its parts, its length, and every sum in backquotes. Prints what is wrong; exit code 1 if anything.

    python3 audit.py LESSON QUIZ NUMBER
"""

from __future__ import annotations

import ast
import operator
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

PARTS = ["Example", "Remember", "Try it"]
LENGTH = range(90, 260)
SUM = re.compile(r"`([^`=]+)=\s*([0-9][0-9,]*(?:\.[0-9]+)?)`")
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value(node: ast.expr) -> Fraction:
    """Return what a sum of plain numbers comes to."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](value(node.left), value(node.right))
    raise ValueError("not a sum of numbers")


def wrong_sums(lines: list[str]) -> Iterator[str]:
    """Yield each sum that does not come to what is written, to as many decimals as are written."""
    for number, line in enumerate(lines, 1):
        for left, written in SUM.findall(line):
            right = Decimal(written.replace(",", ""))
            try:
                found = value(ast.parse(left.strip().replace(",", ""), mode="eval").body)
            except (SyntaxError, ValueError, ZeroDivisionError):
                yield f"{number}: `{left}=` cannot be computed"
                continue
            decimals = -int(right.as_tuple().exponent)
            if abs(found - Fraction(right)) * 2 > Fraction(1, 10**decimals):
                yield f"{number}: `{left.strip()}` is {float(found):.{decimals}f}, not {written}"


def wrong_parts(lines: list[str], number: str) -> Iterator[str]:
    """Yield what is missing of the form that every lesson has."""
    if not lines or not lines[0].startswith(f"# {number}. "):
        yield f"1: begins with `# {number}. ` and the title"
    headings = [line.removeprefix("## ").strip() for line in lines if line.startswith("## ")]
    if headings != PARTS:
        yield f"1: has the parts {', '.join(PARTS)}, not {', '.join(headings) or 'none'}"
    words = len(" ".join(lines).split())
    if words not in LENGTH:
        yield f"1: has {words} words; {LENGTH.start} to {LENGTH.stop - 1} are a lesson"


def wrong_quiz(lines: list[str]) -> Iterator[str]:
    """Yield what is wrong with the questions of a lesson."""
    questions, answers = (sum(line.startswith(sign) for line in lines) for sign in ("Q: ", "A: "))
    if questions < 2 or questions != answers:
        yield f"1: {questions} questions and {answers} answers; expected at least two, each with its answer"
    yield from wrong_sums(lines)


def lines_of(path: str) -> list[str]:
    """Return the lines of a file; none when it is missing."""
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def main(lesson: str, quiz: str, number: str) -> int:
    """Print everything that is wrong."""
    text, questions = lines_of(lesson), lines_of(quiz)
    found = [f"lesson:{problem}" for check in (wrong_parts(text, number), wrong_sums(text)) for problem in check]
    found += [f"quiz:{problem}" for problem in wrong_quiz(questions)]
    print("\n".join(found) or "nothing to object to")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
