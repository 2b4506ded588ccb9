from __future__ import annotations

import pytest

from nightwork.change import ChangedFile, LineChanges
from nightwork.gate_settings import GateSettings
from nightwork.gates.covered import Covered, changed_coverage, with_coverage
from nightwork.gates.judgement import GateResult, GateStatus
from nightwork.gates.report import FileCoverage, GateRun
from nightwork.gates.reports.coverage import parse
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.tricks import Edited

LCOV = """TN:
SF:{path}
FN:1,f
FNDA:3,f
DA:1,1
DA:2,3,checksum
DA:3,0
BRDA:2,0,0,-
LF:3
end_of_record
"""
COBERTURA = """<?xml version="1.0" ?>
<coverage version="7" line-rate="0.5"><sources>{sources}</sources><packages><package name="shop"><classes>
<class name="a.py" filename="{path}"><methods><method name="f"><lines><line number="3" hits="0"/></lines></method>
</methods>
<lines><line number="1" hits="1"/><line number="2" hits="3"/><line number="3" hits="0"/></lines></class>
</classes></package></packages></coverage>
"""


def edited(path: str, text: str, *numbers: int, status: str = "M") -> Edited:
    lines = text.split("\n")
    added = tuple((number, lines[number - 1]) for number in numbers or range(1, len(lines) + 1))
    file = ChangedFile(path=path, status=status, added=len(added), deleted=0)
    return Edited(file, None, text.encode(), LineChanges(added))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "a.py").touch()
    return str(tmp_path)


@pytest.mark.parametrize("text", [LCOV, "\ufeff" + LCOV, LCOV.replace("\n", "\r\n"), COBERTURA])
def test_both_forms_tell_which_lines_ran(root, text) -> None:
    found = parse(text.replace("{path}", "src/shop/a.py").replace("{sources}", ""), root)
    assert found == (FileCoverage(path="src/shop/a.py", covered=((1, 2),), uncovered=((3, 3),)),)


@pytest.mark.parametrize(
    ("path", "sources"),
    [
        ("{root}/src/shop/a.py", []),
        ("shop/a.py", ["{root}/src"]),
        ("shop/a.py", ["{root}/lib", "{root}/src"]),
        ("a.py", ["src/shop"]),
        ("src/shop/a.py", ["/build/elsewhere"]),
        ("./src/../src/shop/a.py", []),
    ],
)
def test_a_file_is_found_below_whatever_source_holds_it(root, path, sources) -> None:
    told = "".join(f"<source>{source}</source>" for source in sources).replace("{root}", root)
    (found,) = parse(COBERTURA.format(path=path.replace("{root}", root), sources=told), root)
    assert found.path == "src/shop/a.py"


@pytest.mark.parametrize("path", ["/etc/passwd", "../../secret.py", "x\x1b[2Jy.py", "", "a" * 9000])
def test_hostile_paths_are_texts_that_match_no_changed_file(root, path) -> None:
    for file in parse(LCOV.replace("{path}", path or " "), root) if path else ():
        assert file.path.isprintable()
        assert not file.path.startswith("src/")


def test_a_line_that_comes_twice_ran_when_one_of_them_did(root) -> None:
    assert parse("SF:a\nDA:1,0\nDA:1,2\nSF:a\nDA:1,0\n", root) == (FileCoverage(path="a", covered=((1, 1),)),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "DA:1,1\n",
        "SF:a\nDA:x,1\n",
        "SF:a\nDA:1\n",
        "SF:a\nDA:0,1\n",
        "SF:a\nDA:-1,1\n",
        "SF:a\nDA:1," + "9" * 5000,
        "SF:a\nDA:\u0661,1\n",
        "<coverage/>",
        "<coverage><project/></coverage>",
        "<testsuite/>",
        "<coverage><packages><class filename='a'><line number='1'/></class></packages></coverage>",
        "<!DOCTYPE c [<!ENTITY a 'b'>]><coverage><packages/></coverage>",
        "<coverage><packages>" + "<p>" * 200,
    ],
)
def test_what_is_no_coverage_is_unreadable(root, text) -> None:
    with pytest.raises(UnreadableReport):
        parse(text, root)


MODULE = '"""B."""\n\nX = 1\n\n\ndef f():\n    """F."""\n    return 1'
KNOWN = FileCoverage(path="src/a.py", covered=((1, 10),), uncovered=((11, 20),))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (edited("src/a.py", "x\n" * 29, 9, 10, 11, 25), Covered(2, 3, ("src/a.py:11",))),
        (edited("src/a.py", "x\n" * 29, 25), Covered(0, 0)),
        (edited("src/a.py", "x\n" * 29, 11, 12, 13), Covered(0, 3, ("src/a.py:11-13",))),
        (edited("src/b.py", MODULE), Covered(0, 3, ("src/b.py:3", "src/b.py:6", "src/b.py:8"))),
        (edited("src/b.py", "def f(:"), Covered(0, 1, ("src/b.py:1",))),  # a newer Python may read it
        (edited("src/b.pyi", "X: int"), Covered(0, 0)),
        (edited("tests/test_a.py", "X = 1"), Covered(0, 0)),
        (edited("README.md", "X = 1"), Covered(0, 0)),
        (edited("web/a.ts", "const x = 1"), Covered(0, 0)),
    ],
)
def test_added_lines_that_can_run_are_counted(change, expected) -> None:
    assert changed_coverage([KNOWN], [change]) == expected


def test_a_file_that_the_report_leaves_out_was_not_run_when_it_knows_the_language() -> None:
    known = FileCoverage(path="web/b.ts", covered=((1, 1),))
    assert changed_coverage([known], [edited("web/a.ts", "let x = 1\n\nx++")]) == Covered(
        0, 2, ("web/a.ts:1", "web/a.ts:3")
    )


@pytest.mark.parametrize(
    ("coverage", "least", "status", "detail"),
    [
        ((KNOWN,), None, "passed", "12 passed, 66 % of 3 changed lines covered"),
        ((KNOWN,), 66.6, "passed", "12 passed, 66 % of 3 changed lines covered"),
        ((KNOWN,), 67, "failed", "12 passed, 66 % of 3 changed lines covered, less than 67 %: src/a.py:11"),
        (None, None, "passed", "12 passed; coverage not known: gone"),
        (None, 0, "not_run", "12 passed; coverage not known: gone"),
    ],
)
def test_too_little_coverage_fails_a_gate_and_unknown_coverage_never_passes(coverage, least, status, detail) -> None:
    gate = GateSettings(name="t", measures="tests", command=("x",), coverage_path="c", min_coverage=least)
    run = GateRun(gate="t", measures="tests", coverage=coverage, coverage_problem=None if coverage else "gone")
    result = GateResult(gate="t", measures="tests", status=GateStatus.PASSED, detail="12 passed")
    found = with_coverage(result, run, gate, [edited("src/a.py", "x\n" * 29, 9, 10, 11)])
    assert (found.status, found.detail) == (status, detail)


def test_a_gate_that_failed_stays_so_whatever_its_coverage() -> None:
    gate = GateSettings(name="t", measures="tests", command=("x",), coverage_path="c", min_coverage=90)
    result = GateResult(gate="t", measures="tests", status=GateStatus.FAILED, detail="1 failing")
    for coverage in ((KNOWN,), None):
        run = GateRun(gate="t", measures="tests", coverage=coverage)
        assert with_coverage(result, run, gate, [edited("src/a.py", "x", 1)]).status is GateStatus.FAILED


def test_a_name_that_may_be_one_of_two_files_tells_nothing(root, tmp_path) -> None:
    (tmp_path / "lib" / "shop").mkdir(parents=True)
    (tmp_path / "lib" / "shop" / "a.py").touch()
    text = COBERTURA.replace("{path}", "shop/a.py")
    with pytest.raises(UnreadableReport, match="any of 2 files"):
        parse(text.replace("{sources}", "<source>src</source><source>lib</source>"), root)


def test_a_file_of_a_language_that_the_report_knows_was_not_run_when_it_is_not_in_it() -> None:
    known = FileCoverage(path="web/a.ts", covered=((1, 1),), uncovered=())
    found = changed_coverage([known], [edited("web/B.tsx", "const x = 1")])
    assert found == Covered(0, 1, ("web/B.tsx:1",))


def test_a_source_too_large_to_be_looked_at_does_not_pass() -> None:
    large = Edited(ChangedFile(path="src/b.py", status="A", added=9, deleted=0), None, b"", None)
    gate = GateSettings(
        name="t", measures="tests", command=("t",), report="junit", coverage_path="c.xml", min_coverage=50
    )
    run = GateRun(gate="t", measures="tests", coverage=(KNOWN,))
    result = with_coverage(GateResult(gate="t", measures="tests", status=GateStatus.PASSED), run, gate, [large])
    assert (result.status, "not known of src/b.py" in result.detail) == (GateStatus.NOT_RUN, True)
