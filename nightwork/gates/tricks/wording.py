"""The wordings by which code evades its judges, by language: what to look for in the lines that a change adds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from nightwork.gates.judgement import Flag
from nightwork.testfile import is_test_file

_NO_CODE = re.compile(
    r"""\.(
        adoc|cfg|conf|css|csv|html|ini|json|jsonl|lock|log|markdown|md|mdx|pem|po|rst|snap|svg|tex|toml|tsv|txt|xml|ya?ml
      | bmp|bz2|db|gif|gz|ico|jar|jpe?g|mp[34]|np[yz]|og[gv]|otf|parquet|pdf|png|sqlite|tar|tgz|ttf|wasm|wav|webm|webp
      | woff2?|xlsx|xz|zip|zst
    )$""",
    re.VERBOSE,
)
_PYTHON = frozenset({".py", ".pyi", ".pyw"})
_SCRIPT = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"})


def is_code(path: str) -> bool:
    """Tell by its name whether a file may hold code; one of an unknown kind may."""
    return _NO_CODE.search(path.lower()) is None


def is_python(path: str) -> bool:
    """Tell by its name whether a file is Python."""
    return PurePosixPath(path.lower()).suffix in _PYTHON


def _other(path: str) -> bool:
    return is_code(path) and not is_python(path)


def _script_test(path: str) -> bool:
    return PurePosixPath(path.lower()).suffix in _SCRIPT and is_test_file(path)


def _python_test(path: str) -> bool:
    return is_python(path) and is_test_file(path)


def _other_test(path: str) -> bool:
    return _other(path) and is_test_file(path)


@dataclass(frozen=True)
class Wording:
    """A pattern and the flag it raises; `part` is what of a line of Python is searched, elsewhere it is all of it."""

    flag: Flag
    pattern: re.Pattern[str]
    applies: Callable[[str], bool]
    part: Literal["code", "comment"] = "code"


_PYTHON_SUPPRESSIONS = r"""\#\s*(?:
    (?:ruff|flake8)\s*:\s*(?:noqa|disable|ignore|file-ignore) | noqa
  | (?:type|ty|pyright|pyre|pytype|mypy|coverage|ruff)\s*:\s*(?:ignore|ignore-errors|basic|off|disable)
  | mypy\s*:\s*[\w-]+ | pyre-(?:ignore|fixme|unsafe) | pyright\s*:\s*[\w]+\s*=
  | pylint\s*:\s*(?:disable|skip-file) | pycodestyle\s*:\s*noqa
  | nosec | nosemgrep | NOSONAR | noinspection | noboth | lgtm\b | codeql\[
  | pragma\s*:\s*(?:no\s*(?:cover|branch|mutate)|(?:allow|white)list)
  | lizard\s+forgive
)"""
_PYTHON_LOOKS_AWAY = r"""
    @\s*(?:\w+\.)*no_type_check\b | \bnot\s+(?:typing\.)?TYPE_CHECKING\b
"""
_OTHER_SUPPRESSIONS = r"""
    eslint-disable | @ts-(?:ignore|nocheck|expect-error) | tslint:\s*disable | jshint\s+ignore | biome-ignore
  | deno-lint-ignore | stylelint-disable | (?:istanbul|c8|v8)\s+ignore | \$FlowFixMe | oxlint-disable
  | //\s*nolint | \#\s*nosec | //\s*\#?nosec | nosemgrep | \bNOSONAR\b | noinspection\b | \bNOLINT
  | \#!?\[\s*(?:allow|expect)\s*\( | \#!?\[\s*cfg_attr[^\]]{0,200}(?:allow|expect)\s*\(
  | @(?:file:)?Suppress(?:Warnings|FBWarnings|Lint)?\b | \bSuppressMessage\b | \#\s*pragma\s+warning\s*\(?\s*disable
  | rubocop:\s*(?:disable|todo) | shellcheck\s+disable | hadolint\s+ignore | phpcs:\s*(?:ignore|disable)
  | @phpstan-ignore | @psalm-suppress | @codeCoverageIgnore | LCOV_EXCL | GCOVR?_EXCL | :nocov: | credo:disable
  | gitleaks:\s*allow | pragma:\s*(?:allow|white)list | (?:checkov:skip|tfsec:ignore|trivy:ignore) | swiftlint:disable
  | detekt:|ktlint-disable | \#\s*noqa | scalastyle:off | CHECKSTYLE:OFF | //\s*ignore(?:_for_file)?:
"""
# Scanners for secrets and of infrastructure read every kind of text.
_ANY_SUPPRESSIONS = r"""
    \bpragma:\s*(?:allow|white)list\s+(?:nextline\s+)?secret | \bgitleaks:\s*allow | \bnosemgrep\b | \bcheckov:skip
  | \btfsec:ignore | \btrivy:ignore | \bkics-scan\s+(?:ignore|disable)
"""
_DETECTS = r"""
    \bPYTEST_(?:CURRENT_TEST|VERSION|XDIST\w*|ADDOPTS|PLUGINS|DISABLE\w*)\b | \bNIGHTWORK_[A-Z] | \.nightwork\b
  | \b(?:JEST|VITEST)_WORKER_ID\b | process\.env\.(?:JEST|VITEST)\b | \bjunit_?xml | \bxmlpath\b
  | ["'](?:_?pytest|unittest|nose2?)["']\s+(?:not\s+)?in\s+(?:\w+\.)*modules
  | \bsys\s*\.\s*modules\s*\.\s*\w | \bfrom\s+sys\s+import\b.{0,100}\bmodules\b
  | \bsys\s*\.\s*_getframe\b | \binspect\s*\.\s*(?:stack|currentframe|getouterframes)\b
  | \bimport\s+_getframe\b
"""
_FORCES = r"""
    \bos\s*\.\s*(?:_exit|abort|exec[lv]\w*)\b | \bimport\b.{0,100}\b_exit\b | \batexit\b | \bpytest\s*\.\s*exit\b
  | \b_pytest\b
  | \bpytest_(?:sessionstart|sessionfinish|unconfigure|terminal_summary|collection\w*|itemcollected|deselected
      |ignore_collect|collect_\w+|pycollect_\w+|pyfunc_call|runtest\w*|make_collect_report|report_\w+|cmdline_\w+
      |load_initial_conftests|exception_interact|assertrepr_\w+|make_parametrize_id|plugin_registered)\b
  | \bpytest_plugins\b | \bTestCase\s*\.\s*\w+\s*=(?!=) | \bsys\s*\.\s*modules\s*\[[^\]]{0,100}\]\s*=(?!=)
  | \bprocess\s*\.\s*on\s*\(\s*["'](?:exit|beforeExit)\b | \b__builtins__\b | \bbuiltins\s*\.\s*\w+\s*=(?!=)
"""
_FORCES_IN_TESTS = r"""
    \.\s*(?:outcome|wasxfail|exitstatus|testsfailed|shouldstop)\s*=(?!=) | \bTestReport\b
  | \b(?:sys\s*\.\s*exit|SystemExit|_exit|quit|(?<![\w.])exit)\s*\(\s*(?:0|None|False)?\s*\) | \bexcept\s+SystemExit\b
"""
_PYTHON_SKIPS = r"""
    \bmark\s*\.\s*(?:skip|skipif|xfail)\b | \bpytest\s*\.\s*(?:skip|xfail|importorskip)\b
  | \bunittest\s*\.\s*(?:skip\w*|expectedFailure|SkipTest)\b
  | \bimport\b.{0,100}\b(?:skip|skip(?i:if|unless)|xfail|expectedFailure)\b
  | ^\s*@\s*(?:skip|skipif|skipIf|skipUnless|xfail|expectedFailure)\b | \.\s*skipTest\s*\( | \bSkipTest\b
  | \bcollect_ignore(?:_glob)?\b | \b__test__\s*=\s*False | \bdef\s+load_tests\b
"""
_SCRIPT_SKIPS = r"""
    \b(?:it|test|describe|context|suite|specify)\s*\.\s*(?:skip|only|todo|fixme|failing|skipIf|runIf)\b
  | \b(?:xit|xtest|xdescribe|xcontext|fit|fdescribe)\s*\( | \.\s*only\s*\( | \bthis\s*\.\s*skip\s*\(
  | \bprocess\s*\.\s*(?:exit|exitCode)\b
"""
_OTHER_SKIPS = r"""
    \b[tb]\s*\.\s*Skip(?:f|Now)?\s*\( | \btesting\s*\.\s*Short\s*\( | ^\s*//\s*(?:go:build|\+build)\b
  | \#\[\s*ignore\b | @(?:Disabled|Ignore)\b | \[\s*(?:Ignore|Explicit)\b | \bSkip\s*=\s*" | \bmarkTestSkipped\b
  | @(?:module)?tag\s+:?skip | ^\s*(?:xit|xdescribe|pending|skip)\b | \bos\s*\.\s*Exit\s*\(\s*0
"""
_WEAK_PYTHON = r"""
    \bexcept\b[^:]{0,100}\bAssertionError\b | \bsuppress\s*\(.{0,100}\b(?:AssertionError|Exception|BaseException)\b
  | \braises\s*\(\s*BaseException\b | \bparametrize\s*\(.{0,200},\s*(?:\[\s*\]|\(\s*\))\s*[,)]
"""
_WEAK_SCRIPT = r"""
    \bexpect\s*\(\s*(?:true|1|!0)\s*\)\s*\.\s*(?:toBe|toEqual|toBeTruthy|to\b)
  | \bassert(?:\.ok)?\s*\(\s*(?:true|1)\s*[,)]
"""


def _wording(flag: Flag, pattern: str, applies: Callable[[str], bool], part: Literal["code", "comment"]) -> Wording:
    return Wording(flag, re.compile(pattern, re.VERBOSE), applies, part)


WORDINGS = (
    _wording(Flag.SUPPRESSION_ADDED, f"(?i:{_PYTHON_SUPPRESSIONS})", is_python, "comment"),
    _wording(Flag.SUPPRESSION_ADDED, _ANY_SUPPRESSIONS, lambda path: not is_code(path), "code"),
    _wording(Flag.SUPPRESSION_ADDED, _PYTHON_LOOKS_AWAY, is_python, "code"),
    _wording(Flag.SUPPRESSION_ADDED, _OTHER_SUPPRESSIONS, _other, "code"),
    _wording(Flag.GATE_DETECTED, _DETECTS, is_code, "code"),
    _wording(Flag.RESULT_FORCED, _FORCES, is_code, "code"),
    _wording(Flag.RESULT_FORCED, _FORCES_IN_TESTS, _python_test, "code"),
    _wording(Flag.TEST_SKIPPED, _PYTHON_SKIPS, is_python, "code"),
    _wording(Flag.TEST_SKIPPED, _SCRIPT_SKIPS, _script_test, "code"),
    _wording(Flag.TEST_SKIPPED, _OTHER_SKIPS, _other_test, "code"),
    _wording(Flag.TEST_WEAKENED, _WEAK_PYTHON, _python_test, "code"),
    _wording(Flag.TEST_WEAKENED, _WEAK_SCRIPT, _script_test, "code"),
)
