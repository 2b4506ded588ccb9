import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightwork.gates.report import Finding, Report, Severity, TestCase, TestStatus
from nightwork.gates.reports import FORMS, UnreadableReport, parse, untrusted

ROOT = "/srv/checkout"
BIN = Path(sys.executable).parent

UNSAFE = """\
import subprocess
import pickle


def run(command: str) -> int:
    return subprocess.call(command, shell=True)


def load(data: bytes) -> int:
    return pickle.loads(data)


password = "correct-horse-battery"
"""


def run_tool(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert finished.returncode in (0, 1), finished.stderr
    return finished.stdout


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sarif(*results: object, **run: object) -> str:
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": results, **run}]})


def result(uri: str = "a.py", **more: object) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 3}}}
    return {"ruleId": "R1", "message": {"text": "bad"}, "locations": [place], **more}


def junit(cases: str) -> str:
    return f"<testsuites><testsuite name='s'>{cases}</testsuite></testsuites>"


def only(report: Report) -> Finding:
    [finding] = report.findings
    return finding


# The real tools


def test_ruff_tells_rule_path_and_line(tmp_path: Path) -> None:
    write(tmp_path, "pkg/with space.py", "import os\n")
    write(tmp_path, "broken.py", "def f(:\n")
    text = run_tool(tmp_path, str(BIN / "ruff"), "check", "--isolated", "--no-cache", "--output-format", "sarif", ".")
    findings = parse("sarif", text, str(tmp_path)).findings
    assert ("F401", "pkg/with space.py", 1, Severity.HIGH) in [(f.rule, f.path, f.line, f.severity) for f in findings]
    assert "broken.py" in [f.path for f in findings]


def test_bandit_tells_its_own_severities_and_no_password(tmp_path: Path) -> None:
    write(tmp_path, "pkg/unsafe.py", UNSAFE)
    text = run_tool(tmp_path, str(BIN / "bandit"), "-r", ".", "-f", "sarif", "-q")
    report = parse("sarif", text, str(tmp_path))
    assert {(f.rule, f.path, f.line, f.severity) for f in report.findings} == {
        ("B404", "pkg/unsafe.py", 1, Severity.LOW),
        ("B403", "pkg/unsafe.py", 2, Severity.LOW),
        ("B602", "pkg/unsafe.py", 6, Severity.HIGH),
        ("B301", "pkg/unsafe.py", 10, Severity.MEDIUM),
        ("B105", "pkg/unsafe.py", 13, Severity.LOW),
    }
    assert "correct-horse" not in report.model_dump_json()


def test_a_file_that_bandit_cannot_read_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path, "broken.py", "def f(:\n")
    text = run_tool(tmp_path, str(BIN / "bandit"), "-r", ".", "-f", "sarif", "-q")
    finding = only(parse("sarif", text, str(tmp_path)))
    assert (finding.path, finding.severity) == ("broken.py", Severity.HIGH)


def test_detect_secrets_tells_kinds_and_no_secret(tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    write(tmp_path, "pkg/keys.py", f'KEY = "{key}"\n')
    text = run_tool(tmp_path, str(BIN / "detect-secrets"), "scan", "--all-files", "--no-verify")
    finding = only(parse("detect_secrets", text, str(tmp_path)))
    assert (finding.rule, finding.path, finding.line, finding.severity) == (
        "AWS Access Key",
        "pkg/keys.py",
        1,
        Severity.HIGH,
    )
    assert key not in finding.message


def test_mypy_tells_errors_and_no_notes(tmp_path: Path) -> None:
    write(tmp_path, "pkg/a.py", 'def f(a: int) -> int:\n    reveal_type(a)\n    return a + "x"\n')
    text = run_tool(tmp_path, sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "--output", "json", ".")
    finding = only(parse("mypy", text, str(tmp_path)))
    assert (finding.rule, finding.path, finding.line, finding.severity) == (
        "operator",
        "pkg/a.py",
        3,
        Severity.MEDIUM,
    )


PYTEST_FILE = """\
import pytest

def test_ok(): pass
def test_bad(): assert 0, "no <good> & \\x1b[31m"
@pytest.mark.skip
def test_later(): pass
@pytest.fixture
def broken(): raise ValueError("x")
def test_error(broken): pass
@pytest.fixture
def torn():
    yield
    raise ValueError
def test_twice(torn): assert 0
class TestCart:
    @pytest.mark.parametrize("n", [1, 1])
    def test_n(self, n): pass
"""


def test_pytest_tells_every_test(tmp_path: Path) -> None:
    write(tmp_path, "test_shop.py", PYTEST_FILE)
    run_tool(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r.xml")
    report = parse("junit", (tmp_path / "r.xml").read_text(encoding="utf-8"), str(tmp_path))
    assert {test.id: test.status for test in report.tests} == {
        "test_shop::test_ok": TestStatus.PASSED,
        "test_shop::test_bad": TestStatus.FAILED,
        "test_shop::test_later": TestStatus.SKIPPED,
        "test_shop::test_error": TestStatus.FAILED,
        "test_shop::test_twice": TestStatus.FAILED,
        "test_shop::test_twice#2": TestStatus.FAILED,
        "test_shop.TestCart::test_n[1_0]": TestStatus.PASSED,
        "test_shop.TestCart::test_n[1_1]": TestStatus.PASSED,
    }
    assert "no <good> &" in report.tests[1].message


# SARIF


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        pytest.param({"properties": {"security-severity": "9.0"}}, Severity.CRITICAL, id="nine is critical"),
        pytest.param({"properties": {"security-severity": 7}}, Severity.HIGH, id="seven is high"),
        pytest.param({"properties": {"security-severity": "4.0"}}, Severity.MEDIUM, id="four is medium"),
        pytest.param({"properties": {"security-severity": "3.9"}}, Severity.LOW, id="less is low"),
        pytest.param({"properties": {"security-severity": "nan"}, "level": "error"}, Severity.HIGH, id="no number"),
        pytest.param({"properties": {"security-severity": 10**400}, "level": "error"}, Severity.HIGH, id="too large"),
        pytest.param({"properties": {"security-severity": []}, "level": "note"}, Severity.LOW, id="a wrong type"),
        pytest.param(
            {"properties": {"issue_severity": "MEDIUM"}, "level": "error"}, Severity.MEDIUM, id="bandit's own"
        ),
        pytest.param({"properties": {"issue_severity": "UGLY"}, "level": "note"}, Severity.LOW, id="not bandit's own"),
        pytest.param({"level": "error"}, Severity.HIGH, id="an error is high"),
        pytest.param({"level": "warning"}, Severity.MEDIUM, id="a warning is medium"),
        pytest.param({"level": "note"}, Severity.LOW, id="a note is low"),
        pytest.param({"level": "none"}, Severity.LOW, id="none is low"),
        pytest.param({}, Severity.MEDIUM, id="no level is a warning"),
        pytest.param({"level": "fatal"}, Severity.MEDIUM, id="an unknown level is a warning"),
        pytest.param({"kind": "review"}, Severity.LOW, id="another kind than fail has the level none"),
        pytest.param({"ruleId": "scored"}, Severity.CRITICAL, id="the rule's score"),
        pytest.param({"ruleId": "levelled"}, Severity.HIGH, id="the rule's default level"),
        pytest.param({"ruleId": "levelled/part"}, Severity.HIGH, id="a part of a rule"),
        pytest.param({"ruleId": None, "ruleIndex": 0}, Severity.HIGH, id="a rule by its index"),
        pytest.param({"ruleId": None, "rule": {"id": "extended"}}, Severity.HIGH, id="a rule of an extension"),
    ],
)
def test_the_severity_of_a_result(given: dict[str, Any], severity: Severity) -> None:
    rules = [
        {"id": "levelled", "defaultConfiguration": {"level": "error"}},
        {"id": "scored", "properties": {"security-severity": "9.8"}},
    ]
    extension = {"rules": [{"id": "extended", "properties": {"security-severity": "8"}}]}
    text = sarif(result(**given), tool={"driver": {"rules": rules}, "extensions": [extension]})
    assert only(parse("sarif", text, ROOT)).severity is severity


@pytest.mark.parametrize(
    "dismissed",
    [
        pytest.param({"suppressions": [{"kind": "inSource"}]}, id="suppressed"),
        pytest.param({"kind": "pass"}, id="passing"),
        pytest.param({"kind": "notApplicable"}, id="not applicable"),
        pytest.param({"baselineState": "absent"}, id="gone since the tool's own baseline"),
    ],
)
def test_no_finding_is_a_result_that_is(dismissed: dict[str, Any]) -> None:
    assert parse("sarif", sarif(result(**dismissed)), ROOT) == Report()


@pytest.mark.parametrize("suppressions", [[], None, [{"status": "rejected"}], [{"status": "underReview"}]])
def test_a_result_that_is_not_really_suppressed_is_a_finding(suppressions: object) -> None:
    assert only(parse("sarif", sarif(result(suppressions=suppressions)), ROOT)).line == 3


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        pytest.param("pkg/a.py", "pkg/a.py", id="relative"),
        pytest.param("./pkg//a.py", "pkg/a.py", id="with dots"),
        pytest.param("pkg/a%20b.py", "pkg/a b.py", id="quoted"),
        pytest.param(f"file://{ROOT}/pkg/a%20b.py", "pkg/a b.py", id="a file URI"),
        pytest.param(f"FILE://localhost{ROOT}/a.py", "a.py", id="a file URI with a host"),
        pytest.param(f"{ROOT}/pkg/a.py", "pkg/a.py", id="absolute"),
        pytest.param(f"{ROOT}/../checkout/a.py", "a.py", id="absolute by detours"),
        pytest.param("../checkout/a.py", "a.py", id="relative by detours"),
        pytest.param("pkg/../../../etc/passwd", "../../etc/passwd", id="out of the checkout"),
        pytest.param(f"{ROOT}-other/a.py", f"{ROOT}-other/a.py", id="beside the checkout"),
        pytest.param("/etc/passwd", "/etc/passwd", id="somewhere else"),
        pytest.param("file:///etc/passwd", "/etc/passwd", id="a file URI of somewhere else"),
        pytest.param("file://[", "file://[", id="a broken URI"),
        pytest.param("https://host/a.py", "https://host/a.py", id="another scheme"),
        pytest.param("a\x1b[2J%00\n.py", "a\ufffd[2J\ufffd\ufffd.py", id="control characters"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_path_of_a_result(uri: str, path: str) -> None:
    assert only(parse("sarif", sarif(result(uri)), ROOT)).path == path


def based(location: object, **bases: object) -> str:
    place = {"physicalLocation": {"artifactLocation": location}}
    artifacts = [{"location": {"uri": "listed.py"}}]
    text = sarif({"ruleId": "R", "locations": [place]}, originalUriBaseIds=bases, artifacts=artifacts)
    return only(parse("sarif", text, ROOT)).path


def test_the_path_of_a_result_may_stand_on_a_base() -> None:
    root, src = {"uri": f"file://{ROOT}/"}, {"uri": "src/", "uriBaseId": "ROOT"}
    assert based({"uri": "a.py", "uriBaseId": "ROOT"}, ROOT=root) == "a.py"
    assert based({"uri": "a.py", "uriBaseId": "SRC"}, ROOT=root, SRC=src) == "src/a.py"
    assert based({"uri": "a.py", "uriBaseId": "SRCROOT"}) == "a.py"
    assert based({"uri": "a.py", "uriBaseId": "OUT"}, OUT={"uri": "file:///elsewhere"}) == "/elsewhere/a.py"
    assert based({"uri": "a.py", "uriBaseId": "LOOP"}, LOOP={"uri": "l/", "uriBaseId": "LOOP"}).endswith("l/a.py")
    assert based({"index": 0}) == "listed.py"
    assert based({"index": 7}) == ""
    assert based({"uri": "a.py", "uriBaseId": ["ROOT"]}, ROOT=root) == "a.py"


def test_a_message_is_one_clean_and_short_line() -> None:
    text = sarif(result(message={"text": "\x1b[31mred\x00\n\u202eevil \ud800" + "x" * 2_000_000}))
    message = only(parse("sarif", text, ROOT)).message
    assert message.startswith("[31mred evil x")
    assert len(message) == 500
    assert message.isprintable()


def test_a_result_of_wrong_types_is_still_a_finding() -> None:
    wrong = {"ruleId": 7, "message": [], "locations": {}, "level": {}, "properties": [], "kind": [], "ruleIndex": "x"}
    finding = only(parse("sarif", sarif(wrong), ROOT))
    assert finding == Finding(rule="unknown", message="", path="", line=0, severity=Severity.MEDIUM)


@pytest.mark.parametrize("line", [0, -1, True, "3", 1.5, None, [], 10**30])
def test_a_line_that_is_none_is_zero(line: object) -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": line}}}
    assert only(parse("sarif", sarif({"locations": [place]}), ROOT)).line == 0


# JUnit


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        pytest.param("<testsuites/>", {}, id="no suites"),
        pytest.param("<testsuite><testcase name='a'/></testsuite>", {"a": "passed"}, id="a single suite"),
        pytest.param("<testsuites><testcase name='a'/></testsuites>", {"a": "passed"}, id="a case outside of suites"),
        pytest.param(
            junit("<testsuite><testsuite><testcase name='a'><error/></testcase></testsuite></testsuite>"),
            {"a": "failed"},
            id="nested suites",
        ),
        pytest.param(junit("<testcase classname='c' name='a'/>"), {"c::a": "passed"}, id="a class name"),
        pytest.param(junit("<testcase classname='' name='a'/>"), {"a": "passed"}, id="an empty class name"),
        pytest.param(junit("<testcase/>"), {"unnamed": "passed"}, id="no name"),
        pytest.param(
            junit("<testcase name='a'/><testcase name='a'><failure/></testcase><testcase name='a'/>"),
            {"a": "passed", "a#2": "failed", "a#3": "passed"},
            id="the same id again",
        ),
        pytest.param(
            junit("<testcase name='a#2'/><testcase name='a'/><testcase name='a'><failure/></testcase>"),
            {"a#2": "passed", "a": "passed", "a#3": "failed"},
            id="an id that looks numbered",
        ),
        pytest.param(
            junit("<testcase name='a'><skipped/><failure/></testcase>"), {"a": "failed"}, id="skipped and failed"
        ),
        pytest.param(junit("<testcase name='a' status='notrun'/>"), {"a": "skipped"}, id="not run, as GoogleTest says"),
        pytest.param(
            "<testsuites xmlns='urn:x'><testsuite><testcase name='a'><failure/></testcase></testsuite></testsuites>",
            {"a": "failed"},
            id="a name space",
        ),
        pytest.param(
            "<?xml version='1.0' encoding='utf-16'?>" + junit("<testcase name='ä'/>"), {"ä": "passed"}, id="encoding"
        ),
        pytest.param(
            junit("<testcase name='a'><failure><![CDATA[<!DOCTYPE html>]]></failure></testcase>"),
            {"a": "failed"},
            id="a DTD in a message",
        ),
        pytest.param(junit("<testcase name='a' time='soon'/>"), {"a": "passed"}, id="a time that is none"),
    ],
)
def test_the_tests_of_a_junit_report(text: str, tests: dict[str, str]) -> None:
    assert {test.id: str(test.status) for test in parse("junit", text, ROOT).tests} == tests


def test_the_message_of_a_test_is_that_of_its_failure() -> None:
    [case] = parse("junit", junit("<testcase name='a'><failure>no\n&#9;good</failure></testcase>"), ROOT).tests
    assert case == TestCase(id="a", status=TestStatus.FAILED, message="no good")


# mypy and detect-secrets


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        pytest.param("", [], id="nothing printed"),
        pytest.param('\n{"file": "a.py"}\n\n', ["mypy"], id="missing keys"),
        pytest.param('{"file": "a.py", "code": null, "severity": "ugly"}', ["mypy"], id="an unknown severity"),
        pytest.param('{"file": "a.py", "code": "misc", "severity": "note"}', [], id="a note"),
        pytest.param('{"file": "a.py", "code": "x"}\nFound 1 error in 1 file (checked 2)', ["x"], id="a summary"),
        pytest.param("Success: no issues found in 3 source files\n", [], id="success"),
    ],
)
def test_the_findings_of_mypy(text: str, rules: list[str]) -> None:
    assert [finding.rule for finding in parse("mypy", text, ROOT).findings] == rules


def test_a_secret_of_wrong_types_is_still_a_finding() -> None:
    finding = only(parse("detect_secrets", '{"results": {"/srv/checkout/a.py": [{"type": 1}]}}', ROOT))
    assert (finding.rule, finding.path, finding.line) == ("Secret", "a.py", 0)


# Reports of another form, or made to harm

BOMB = '<!DOCTYPE a [<!ENTITY b "xx"><!ENTITY c "&b;&b;&b;&b;">]><testsuites><testsuite name="&c;"/></testsuites>'


@pytest.mark.parametrize(
    ("form", "text"),
    [
        pytest.param("sarif", "", id="nothing"),
        pytest.param("sarif", "null", id="null"),
        pytest.param("sarif", "[" * 200_000, id="deep JSON that does not end"),
        pytest.param("sarif", '{"runs":' + "[" * 200_000 + "]" * 200_000 + "}", id="deep JSON"),
        pytest.param("sarif", '{"runs": [' + "9" * 5000 + "]}", id="a number of 5000 digits"),
        pytest.param("sarif", "{}", id="no runs"),
        pytest.param("sarif", '{"runs": []}', id="an empty list of runs"),
        pytest.param("sarif", '{"runs": [7]}', id="a run that is a number"),
        pytest.param("sarif", '{"runs": [{"results": null}]}', id="a tool that gave no results"),
        pytest.param("sarif", sarif(7), id="a result that is a number"),
        pytest.param("sarif", sarif(invocations=[{"executionSuccessful": False}]), id="a tool that failed"),
        pytest.param("sarif", sarif(*[{}] * (untrusted.MAX_ENTRIES + 1)), id="too many results"),
        pytest.param("sarif", " " * (untrusted.MAX_REPORT + 1), id="too much text"),
        pytest.param("junit", "", id="no XML"),
        pytest.param("junit", "<html/>", id="other XML"),
        pytest.param("junit", "<testsuites>", id="XML that does not end"),
        pytest.param("junit", BOMB, id="entities"),
        pytest.param("junit", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><testsuites/>", id="a DTD"),
        pytest.param("junit", "<testsuite>" * 50_000 + "</testsuite>" * 50_000, id="deep XML"),
        pytest.param("junit", junit("<testcase name='&undefined;'/>"), id="an undefined entity"),
        pytest.param("junit", junit("<testcase name='\x00'/>"), id="a null character"),
        pytest.param("junit", junit("<testcase/>" * (untrusted.MAX_ENTRIES + 1)), id="too many tests"),
        pytest.param("mypy", "Traceback (most recent call last):", id="a crash"),
        pytest.param("mypy", "[]", id="a list"),
        pytest.param("mypy", "{}", id="an object of something else"),
        pytest.param("detect_secrets", "{}", id="no results"),
        pytest.param("detect_secrets", '{"results": []}', id="results that are a list"),
        pytest.param("detect_secrets", '{"results": {"a": {}}}', id="secrets that are an object"),
        pytest.param("detect_secrets", '{"results": {"a": [7]}}', id="a secret that is a number"),
        pytest.param("lint", "", id="an unknown form"),
    ],
)
def test_unreadable_is(form: str, text: str) -> None:
    with pytest.raises(UnreadableReport) as raised:
        parse(form, text, ROOT)
    assert str(raised.value).startswith(f"not a {form} report: ")
    assert len(str(raised.value)) < 700
    assert pickle.loads(pickle.dumps(raised.value)).args == raised.value.args


@pytest.mark.parametrize("form", ["sarif", "junit", "detect_secrets", "mypy"])
def test_a_byte_order_mark_is_no_fault(form: str) -> None:
    texts = {"sarif": sarif(), "junit": "<testsuites/>", "detect_secrets": '{"results": {}}', "mypy": ""}
    assert parse(form, "\ufeff" + texts[form], ROOT) == Report()


KEYS = [
    "runs",
    "results",
    "ruleId",
    "rule",
    "id",
    "ruleIndex",
    "index",
    "level",
    "kind",
    "message",
    "text",
    "locations",
    "physicalLocation",
    "artifactLocation",
    "uri",
    "uriBaseId",
    "region",
    "startLine",
    "properties",
    "security-severity",
    "issue_severity",
    "suppressions",
    "status",
    "tool",
    "driver",
    "extensions",
    "rules",
    "defaultConfiguration",
    "invocations",
    "executionSuccessful",
    "toolExecutionNotifications",
    "artifacts",
    "location",
    "originalUriBaseIds",
    "baselineState",
    "file",
    "line",
    "code",
    "severity",
    "type",
    "line_number",
]
WORDS = ["error", "note", "fail", "../a", "/etc", "file://[", "file:///srv/checkout/a", "9.8", "\x1b", "\ud800", "A"]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
results = st.dictionaries(st.sampled_from(KEYS), documents, max_size=8)
runs = st.fixed_dictionaries(
    {"results": st.lists(results, max_size=3)},
    optional=dict.fromkeys(("tool", "invocations", "artifacts", "originalUriBaseIds"), documents),
)
TAGS = [
    "<testsuites>",
    "</testsuites>",
    "<testsuite>",
    "</testsuite>",
    "<testcase name='a'>",
    "</testcase>",
    "<testcase/>",
]
ODDITIES = [
    "<failure/>",
    "<skipped message='&#9;'/>",
    "<!DOCTYPE a>",
    "<![CDATA[",
    "]]>",
    "&a;",
    "<?x?>",
    "\ud800",
    "x",
]
pieces = st.sampled_from(TAGS + ODDITIES)


def check(form: str, text: str) -> None:
    try:
        report = parse(form, text, ROOT)
    except UnreadableReport:
        return
    for finding in report.findings:
        assert all(part.isprintable() for part in (finding.rule, finding.message, finding.path))
        assert len(finding.message) <= untrusted.MAX_MESSAGE
    assert len({test.id for test in report.tests}) == len(report.tests)


@settings(deadline=None, max_examples=100)
@given(form=st.sampled_from(sorted(FORMS)), text=st.text() | st.lists(pieces).map("".join) | documents.map(json.dumps))
def test_any_text_is_a_report_or_unreadable(form: str, text: str) -> None:
    check(form, text)


@settings(deadline=None, max_examples=100)
@given(st.lists(runs, min_size=1, max_size=2))
def test_any_sarif_is_a_report_or_unreadable(given: list[dict[str, Any]]) -> None:
    check("sarif", json.dumps({"runs": given}))


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(WORDS) | st.text(), documents | st.lists(results), max_size=3))
def test_any_secrets_are_a_report_or_unreadable(given: dict[str, Any]) -> None:
    check("detect_secrets", json.dumps({"results": given}))


@settings(deadline=None, max_examples=100)
@given(st.lists(pieces, max_size=20))
def test_any_cases_are_a_report_or_unreadable(given: list[str]) -> None:
    check("junit", junit("".join(given)))
