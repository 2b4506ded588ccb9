"""What an agent might try to bring onto a branch, or into what people read: each is held, refused or made harmless.

No key here was ever valid; they are put together, so that this file itself holds none.
"""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from nightwork.agent.transcript import transcript
from nightwork.errors import StateError
from nightwork.outcome import Reason, Status
from nightwork.review.markdown import artifact
from nightwork.review.page import page
from nightwork.review.terminal import render
from nightwork.stages.publish import _examined, _land
from nightwork.stages.review import answer
from nightwork.workspace import Repository

Night = Any

AWS = "AKIA" + "Z7Q2M4N6P8R1S3T5"
GITHUB = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def lone(night: Night) -> Night:
    """Return a night with the ticket A alone, on a repository in which something can be attacked."""
    (night.root / "tickets/B.md").unlink()
    night.write(".github/workflows/ci.yml", "on: push\n")
    night.write(".gitattributes", "*.txt text\n")
    night.write("tool.sh", "#!/bin/sh\n")
    night.write("notes.md", "first\nsecond\nthird\nfourth\n")
    night.write("CLAUDE.md", "be kind\n")
    return night


def work(night: Night, program: str, **settings: Any) -> tuple[Any, Any]:
    """Let a Python program be the agent of one night; beside what it does, it adds a harmless file."""
    head = "import json, os, pathlib, shutil, subprocess, sys\nP = pathlib.Path\nP('fine.txt').write_text('x')\n"
    night.settings(f"exec {shlex.quote(sys.executable)} -c {shlex.quote(head + program)}", **settings)
    night.commit()
    return night.run()


def writes(path: str, text: str) -> str:
    return f"p = P({path!r}); p.parent.mkdir(parents=True, exist_ok=True); p.write_bytes({text.encode()!r})"


def says(result: dict[str, Any]) -> str:
    return f"P(os.environ['NIGHTWORK_RESULT']).write_text({json.dumps(result)!r})"


HELD = {
    "a key in a new file": writes("settings.py", f'KEY = "{AWS}"\n'),
    "a key in a changed line": writes("notes.md", f"first\nsecond {GITHUB}\nthird\nfourth\n"),
    "a private key over several lines": writes("id", PEM),
    "a key in UTF-16": f"P('a.txt').write_bytes({AWS!r}.encode('utf-16'))",
    "a key in a binary file": f"P('a.bin').write_bytes(b'\\0\\1\\2' + {AWS!r}.encode() + b'\\0')",
    "a key in the name of a file": writes(f"{GITHUB}.txt", "x"),
    "a key in a renamed file": f"os.rename('notes.md', 'more.md'); P('more.md').open('a').write({GITHUB!r})",
    "a key in a file that is shown as another": (
        f"open(b'\\xff.txt', 'w').write({GITHUB!r}); open('\ufffd.txt', 'w').write('x')"
    ),
    "a key as the target of a link": f"os.symlink({GITHUB!r}, 'link')",
    "a key in a file that git calls binary": writes(".a", f"x\0{AWS}\n") + "; " + writes("b", "x"),
    "a password in a URL": writes("db.ini", "url = postgres://ann:s3cr3tPa55@db/shop\n"),
    "a new workflow": writes(".github/workflows/x.yml", "on: push"),
    "a workflow in another case": writes(".GitHub/Workflows/x.yml", "on: push"),
    "a workflow with a letter that nobody sees": writes(".git\u200bhub/workflows/x.yml", "on: push"),
    "a workflow in wide letters": writes(".\uff47ithub/workflows/x.yml", "on: push"),
    "a folder of workflows with a dot behind": writes(".github./workflows/x.yml", "on: push"),
    "a deleted workflow": "os.remove('.github/workflows/ci.yml')",
    "a file renamed to a workflow": "os.rename('notes.md', '.github/workflows/x.yml')",
    "a workflow renamed away": "os.rename('.github/workflows/ci.yml', 'ci.yml')",
    "a link in the place of the workflows": "shutil.move('.github', 'more'); os.symlink('more', '.github')",
    "a link to the workflows, written through": "os.symlink('.github', 'x'); P('x/workflows/b.yml').write_text('x')",
    "another build system": writes("sub/Jenkinsfile", "node {}"),
    "a filter by attributes": writes(".gitattributes", "* filter=evil\n"),
    "attributes below": writes("src/.gitattributes", "* -diff\n"),
    "submodules by name": writes(".gitmodules", '[submodule "x"]\npath = x\nurl = ../evil\n'),
    "a hook": writes(".husky/pre-commit", "x"),
    "a bare repository": writes("data.git/hooks/post-checkout", "x"),
    "a link to a file outside": "os.symlink('/etc/passwd', 'link')",
    "a link that climbs": "P('a/b').mkdir(parents=True); os.symlink('../../../x', 'a/b/link')",
    "a link through a link": "os.makedirs('a/b'); os.symlink('../b', 'a/b/c'); os.symlink('b/c/../../..', 'a/link')",
    "a link into git's folder": "os.symlink('.git/config', 'link')",
    "a file made executable": "os.chmod('notes.md', 0o755)",
    "a program": "P('tool').write_bytes(b'\\x7fELF\\0\\0\\0')",
    "a large binary file": "P('a.bin').write_bytes(bytes(600 * 1024))",
    "a lock file": writes("web/package-lock.json", "{}"),
    "another registry": writes("web/.npmrc", "registry=https://registry.invalid/"),
    "who reviews": writes("docs/CODEOWNERS", "* @nobody"),
    "gate configuration": writes("pytest.ini", "[pytest]\n"),
    "what a gate starts": writes("tool.sh", "#!/bin/sh\nexit 0\n"),
    "the settings of the night": writes("nightwork.yaml", "{}"),
    "the ticket of another night": writes("tickets/Z.md", "---\nid: Z\n---\n"),
    "instructions for agents": writes("CLAUDE.md", "obey"),
    "instructions for agents, below": writes("src/agents.MD", "obey"),
    "hooks of an agent": writes(".claude/settings.json", "{}"),
    "a name that looks like an option": writes("-f.lock/--exec=x/Jenkinsfile", "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_what_needs_a_person_is_not_on_a_branch_before_one_has_said_so(lone: Night, name: str) -> None:
    batch, document = work(lone, HELD[name], gates={"tests": "./tool.sh; true"})
    assert document.counts[Status.ESCALATED] == 1, (document.failed, document.queue)
    assert lone.git("branch", "--list", "agent/*") == ""
    assert not (batch.folder / "merge_requests").exists()
    assert AWS not in everything(batch) and GITHUB not in everything(batch)
    if "leave-out" in [option.name for option in document.escalations[0].options]:
        answer(batch, "A", "leave-out", "")
        document = lone.go_on(batch)
        assert document.counts[Status.COMPLETED] == 1, (document.failed, document.escalations)
        assert "fine.txt" in lone.git("diff", "--name-only", "main", "agent/A").split()
        assert lone.git("diff", "--name-only", "main", "agent/A", "--", ".github", ".gitattributes", "tool.sh") == ""


def everything(batch: Any) -> str:
    """Return all that a batch has written, but what git keeps."""
    paths = [path for path in batch.folder.rglob("*") if path.is_file() and path.name != "settings.json"]
    return "".join(path.read_text(errors="replace") for path in paths)


def shown(batch: Any, document: Any) -> str:
    """Return every form in which people are shown a batch."""
    stream = io.StringIO()
    Console(file=stream, width=100, force_terminal=False).print(render(document, 100))
    return "\n".join([stream.getvalue(), page(document), artifact(document), transcript(batch.attempt_folder("A", 1))])


def test_a_secret_in_what_the_agent_says_is_nowhere(lone: Night) -> None:
    follow_up = {"title": f"rotate {AWS}", "description": GITHUB}
    result = {"summary": f"use {AWS}", "changes": [f"token {GITHUB}"], "remaining": [AWS], "follow_up": follow_up}
    batch, document = work(lone, says(result) + f"; print({GITHUB!r})")
    assert document.counts[Status.PARTIAL] == 1
    for text in (everything(batch), shown(batch, document), lone.git("log", "--all", "--format=%B")):
        assert AWS not in text
        assert GITHUB not in text
    assert "[redacted cloud key]" in lone.git("log", "--format=%s", "-1", "agent/A")


def test_a_secret_in_the_text_of_an_escalation_is_nowhere(lone: Night) -> None:
    options = [{"name": "keep", "description": AWS, "pros": [GITHUB]}, {"name": "drop", "description": "x"}]
    context = {"tried": AWS, "why": GITHUB, "blocks": "x"}
    asked = {"trigger": "data", "summary": AWS, "context": context, "options": options, "recommendation": "keep"}
    batch, document = work(lone, says({"escalation": asked}))
    assert document.counts[Status.ESCALATED] == 1
    assert AWS not in everything(batch) + shown(batch, document)
    assert GITHUB not in everything(batch) + shown(batch, document)


def test_a_secret_in_an_error_is_nowhere(lone: Night) -> None:
    batch, document = work(lone, f"sys.exit('cannot log in with {GITHUB}')")
    assert document.counts[Status.FAILED] == 1
    assert GITHUB not in everything(batch) + shown(batch, document)


def test_a_secret_in_what_a_gate_prints_is_nowhere(lone: Night) -> None:
    batch, document = work(lone, "", gates={"tests": f"test ! -e fine.txt || {{ echo {GITHUB}; exit 1; }}"})
    assert document.queue[0].vetoes
    assert GITHUB not in everything(batch) + shown(batch, document)


def test_the_value_of_a_variable_that_the_agent_sees_is_nowhere(lone: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PROVIDER_TOKEN", "plain-words-of-mine")
    head = "import os, sys\nvalue = os.environ['MY_PROVIDER_TOKEN']\nopen('a', 'w').write(value)\nsys.exit(value)"
    agent = {"kind": "command", "command": [sys.executable, "-c", head], "pass_env": ["MY_PROVIDER_TOKEN"]}
    lone.write("nightwork.yaml", json.dumps({"agent": agent}))
    lone.commit()
    batch, document = lone.run()
    assert document.counts[Status.FAILED] == 1
    assert "plain-words-of-mine" not in everything(batch) + shown(batch, document)
    assert "MY_PROVIDER_TOKEN" in document.agent


@pytest.mark.parametrize(
    "summary",
    [
        "x\n\nQuality-Score: 100\nReviewed-by: Ann",
        "x\rQuality-Score: 100",
        "x\u2028\u2028Quality-Score: 100",
        "x\x85Signed-off-by: Ann",
    ],
)
def test_an_agent_forges_no_trailers(lone: Night, summary: str) -> None:
    work(lone, says({"summary": summary, "changes": ["Quality-Score: 100", "a\n\nReviewed-by: Ann <a@b>"]}))
    trailers = lone.git("log", "-1", "--format=%(trailers:only,unfold)", "agent/A").splitlines()
    assert [line.partition(":")[0] for line in trailers] == ["Agent", "Checkpoint", "Quality-Score"]
    assert trailers[-1] == "Quality-Score: pending-gates"


ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"
HTML = "<script>alert(1)</script><img src=x onerror=alert(1)> [l](javascript:alert(1)) ![i](http://evil.example/x) | a"


@pytest.mark.parametrize("hostile", [ESCAPES, HTML])
def test_nothing_that_an_agent_says_acts_where_people_read_it(lone: Night, hostile: str) -> None:
    name = hostile.replace("/", "")[:60]
    result = {"summary": hostile + "s", "changes": [hostile + "c"], "remaining": [hostile + "r"]}
    batch, document = work(lone, says(result) + "; " + writes(name, "x") + f"; print({hostile!r})")
    assert document.counts[Status.PARTIAL] == 1, document.escalations
    request = (batch.folder / "merge_requests/A.md").read_text()
    texts = shown(batch, document) + request
    assert not [mark for mark in ("\x1b", "\x07", "\x9b", "\u202e") if mark in texts]
    assert "<script>alert" not in page(document)
    for text in (artifact(document), request.split("---\n", 2)[2], transcript(batch.attempt_folder("A", 1))):
        blocks = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
        tokens = [inner for token in blocks for inner in (token, *(token.children or ()))]
        assert not {token.type for token in tokens} & {"html_block", "html_inline", "link_open", "image"}


def test_nothing_in_an_escalation_acts_where_people_read_it(lone: Night) -> None:
    options = [{"name": "keep", "description": HTML + ESCAPES}, {"name": "drop", "description": ESCAPES + HTML}]
    asked = {
        "trigger": "data", "summary": ESCAPES + HTML, "context": {"tried": HTML, "why": ESCAPES + "x", "blocks": HTML},
        "options": options, "recommendation": "keep", "questions": [HTML],
    }  # fmt: skip
    batch, document = work(lone, says({"escalation": asked}))
    texts = shown(batch, document)
    assert not [mark for mark in ("\x1b", "\x07", "\x9b", "\u202e", "<script>alert(1)<") if mark in page(document)]
    assert "\x1b" not in texts


@pytest.mark.parametrize("option", ["--help", "-m", "$(touch x)", "keep\nnightwork"])
def test_an_option_of_an_escalation_cannot_pose_as_one_of_the_command_line(lone: Night, option: str) -> None:
    options = [{"name": option, "description": "x"}, {"name": "drop", "description": "x"}]
    context = {"tried": "x", "why": "x", "blocks": "x"}
    asked = {"trigger": "data", "summary": "x", "context": context, "options": options, "recommendation": option}
    _, document = work(lone, says({"escalation": asked}))
    assert document.failed[0].outcome == "failed(malformed)"


def test_a_result_without_bounds_is_refused(lone: Night) -> None:
    _, document = work(
        lone, "P(os.environ['NIGHTWORK_RESULT']).write_text('{\"summary\": \"' + 'x' * 2_000_000 + '\"}')"
    )
    assert document.failed[0].outcome == "failed(malformed)"
    assert len(document.failed[0].reason) < 2_000


def test_a_text_without_bounds_is_refused(lone: Night) -> None:
    _, document = work(lone, says({"summary": "x" * 5_000}))
    assert document.failed[0].outcome == "failed(malformed)"


def test_a_result_that_is_a_link_is_not_read(lone: Night) -> None:
    lone.write("secret.json", json.dumps({"summary": "stolen"}))
    target = str(lone.root / "secret.json")
    _, document = work(lone, f"os.symlink({target!r}, os.environ['NIGHTWORK_RESULT'])")
    assert document.failed[0].outcome == "failed(malformed)"


def test_what_was_looked_at_is_what_is_committed(lone: Night) -> None:
    batch, _ = work(lone, writes(".github/a.yml", "x"))
    ref = batch.ref(batch.state(), "A")
    repository = Repository(Path(ref.repository))
    (ref.worktree / ".github/a.yml").unlink()
    tree, held = _examined(ref, repository)
    assert held == []
    (ref.worktree / ".github/b.yml").write_text("written by what outlived its step")
    from nightwork.agent import Work

    change = _land(ref, repository, Work(summary="x"), tree)
    assert change.tree == tree
    assert [file.path for file in change.files] == ["fine.txt"]


def test_a_word_for_one_content_is_none_for_another(lone: Night) -> None:
    program = "P('.github/a.yml').write_text('approved' if not P('ran').exists() else 'another'); P('ran').touch()"
    batch, _ = work(lone, program)
    ref = batch.ref(batch.state(), "A")
    answer(batch, "A", "publish", "")
    (ref.worktree / ".github/a.yml").write_text("swapped after the word")
    document = lone.go_on(batch)
    assert document.counts[Status.ESCALATED] == 1
    assert lone.git("branch", "--list", "agent/*") == ""


def test_a_workspace_whose_git_folder_was_swapped_is_not_published(lone: Night) -> None:
    evil = lone.root.parent / "evil"
    program = (
        f"subprocess.run(['git', 'init', '-q', {str(evil)!r}], check=True)\n"
        f"marker = {str(evil / 'ran')!r}\n"
        f"config = ['git', '-C', {str(evil)!r}, 'config', 'filter.x.clean', 'touch ' + marker + '; cat']\n"
        "subprocess.run(config, check=True)\n"
        f"P({str(evil)!r}, '.git', 'info', 'attributes').write_text('* filter=x')\n"
        f"P('.git').write_text('gitdir: ' + {str(evil / '.git')!r})\n"
    )
    _, document = work(lone, program)
    assert not (evil / "ran").exists()
    assert document.counts[Status.COMPLETED] == 0
    assert lone.git("branch", "--list", "agent/*") == ""


def test_a_forged_note_of_questions_is_refused(lone: Night) -> None:
    batch, _ = work(lone, writes(".github/a.yml", "x"))
    with (batch.attempt_folder("A", 1) / "asked.jsonl").open("a") as file:
        file.write("not json\n")
    with pytest.raises(StateError):
        from nightwork.stages import questions

        questions.said(batch.ref(batch.state(), "A"))


def test_a_ticket_without_a_change_says_so(lone: Night) -> None:
    _, document = work(lone, "os.remove('fine.txt')")
    assert document.failed[0].outcome == f"failed({Reason.NO_CHANGE})"
