from hypothesis import given
from hypothesis import strategies as st

from nightwork.gates.compare import lost_tests, new_failures, new_findings
from nightwork.gates.report import Finding, Report, Severity, TestCase, TestStatus

PASSED, FAILED, SKIPPED = TestStatus.PASSED, TestStatus.FAILED, TestStatus.SKIPPED


def found(line: int, rule: str = "B602", path: str = "a.py", message: str = "bad") -> Finding:
    return Finding(rule=rule, message=message, path=path, line=line, severity=Severity.HIGH)


def report(*findings: Finding) -> Report:
    return Report(findings=findings)


def outcomes(**statuses: TestStatus) -> Report:
    return Report(tests=tuple(TestCase(id=id_, status=status) for id_, status in statuses.items()))


def lines(*texts: str, path: str = "a.py"):
    def line_of(asked: str, line: int) -> str:
        assert line >= 1
        return texts[line - 1] if asked == path and line <= len(texts) else ""

    return line_of


def test_a_finding_whose_line_moved_is_not_new() -> None:
    before, after = lines("call(x)"), lines("import x", "", "    call(x)")
    assert new_findings(report(found(1)), report(found(3)), before, after) == ()


def test_a_second_occurrence_of_the_same_line_is_new() -> None:
    text = lines("call(x)", "call(x)")
    assert new_findings(report(found(1)), report(found(1), found(2)), text, text) == (found(2),)


def test_a_finding_on_a_changed_line_is_new() -> None:
    assert new_findings(report(found(1)), report(found(1)), lines("call(x)"), lines("call(y)")) == (found(1),)


def test_another_rule_on_the_same_line_is_new() -> None:
    text = lines("call(x)")
    other = found(1, rule="B603")
    assert new_findings(report(found(1)), report(found(1), other), text, text) == (other,)


def test_the_same_line_in_another_file_is_new() -> None:
    other = found(1, path="b.py")
    after = lines("call(x)", path="b.py")
    assert new_findings(report(found(1)), report(other), lines("call(x)"), after) == (other,)


def test_findings_of_a_renamed_file_are_known() -> None:
    after = report(found(1, path="b.py"))
    text_after = lines("call(x)", path="b.py")
    assert new_findings(report(found(1)), after, lines("call(x)"), text_after, {"b.py": "a.py"}.__getitem__) == ()


def test_findings_without_a_line_are_told_apart_by_their_message() -> None:
    before = report(found(0, message="no docstring"))
    after = report(found(0, message="no  docstring"), found(0, message="no licence"))
    assert new_findings(before, after, lines(), lines()) == (found(0, message="no licence"),)


def test_findings_that_went_away_bring_nothing() -> None:
    assert new_findings(report(found(1), found(2)), report(), lines("a", "b"), lines()) == ()


@given(st.lists(st.tuples(st.sampled_from(["E1", "E2"]), st.integers(0, 3)), max_size=8))
def test_a_report_compared_with_itself_brings_nothing(entries: list[tuple[str, int]]) -> None:
    same = report(*(found(line, rule) for rule, line in entries))
    text = lines("x", "x", "y")
    assert new_findings(same, same, text, text) == ()
    assert new_findings(report(), same, text, text) == same.findings


def test_what_failed_before_is_no_new_failure() -> None:
    before = outcomes(known=FAILED, broken=PASSED, unskipped=SKIPPED)
    after = outcomes(known=FAILED, broken=FAILED, unskipped=FAILED, added=FAILED, fine=PASSED)
    assert new_failures(before, after) == ("broken", "unskipped", "added")


def test_a_test_is_lost_when_it_passed_and_is_skipped_or_gone() -> None:
    before = outcomes(gone=PASSED, skipped=PASSED, failing=PASSED, was_failing=FAILED, stays=PASSED)
    after = outcomes(skipped=SKIPPED, failing=FAILED, stays=PASSED)
    assert lost_tests(before, after) == ("gone", "skipped")
