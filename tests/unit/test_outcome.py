from __future__ import annotations

import json
from concurrent.futures import CancelledError

import pytest

from nightwork.errors import (
    BadInput,
    Fault,
    GitError,
    Infrastructure,
    ModelError,
    ProviderRefused,
    ScriptExhausted,
    StateError,
    Stopped,
)
from nightwork.outcome import Outcome, Reason, Status, Unfinished, outcome_of_error


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (Stopped("stopped by SIGTERM"), "aborted(stopped)"),
        (KeyboardInterrupt(), "aborted(stopped)"),
        (Infrastructure("disk", "full"), "aborted(infrastructure)"),
        (GitError("git status", 128, "no"), "aborted(infrastructure)"),
        (OSError(28, "No space left on device"), "aborted(infrastructure)"),
        (ConnectionResetError(), "aborted(infrastructure)"),
        (MemoryError(), "aborted(infrastructure)"),
        (BadInput(Fault("x", "y")), "aborted(infrastructure)"),
        (ModelError("m", "why"), "failed(error)"),
        (ScriptExhausted("s", "A", "C0", 1), "failed(error)"),
        (StateError("p", "corrupt", "mend"), "aborted(infrastructure)"),
        (ValueError("bug"), "aborted(internal)"),
        (KeyError("bug"), "aborted(internal)"),
        (RecursionError(), "aborted(internal)"),
        (CancelledError(), "aborted(internal)"),
        (SystemExit(1), "aborted(internal)"),
        (Unfinished(Outcome(status=Status.FAILED, reason=Reason.NO_CHANGE)), "failed(no_change)"),
        (Unfinished(Outcome(status=Status.PARTIAL, reason=Reason.TIMEOUT)), "partial(timeout)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value,
)
def test_an_error_ends_its_item_as_what_it_is(error, label):
    assert outcome_of_error(error).label() == label


def test_an_error_raised_on_purpose_is_told_in_its_own_words():
    told = outcome_of_error(ProviderRefused("anthropic", "invalid x-api-key")).message
    assert told == "anthropic takes no request of ours: invalid x-api-key; a person has to see to it, then resume"
    assert outcome_of_error(OSError(28, "No space left on device")).message.startswith("OSError: ")


def test_an_unexpected_error_keeps_class_message_and_traceback():
    try:
        raise ValueError("the bug")
    except ValueError as error:
        record = outcome_of_error(error).error
    assert (record.kind, record.message) == ("ValueError", "the bug")
    assert "test_outcome.py" in record.traceback


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file", "caf\udce9.txt"),
        pytest.param(
            ValueError("\ud800"),
        ),
        pytest.param(
            Infrastructure("git", "said \udcff"),
        ),
        pytest.param(
            ModelError("m", "\ud800"),
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_about_a_name_that_is_no_unicode_can_be_kept(error):
    kept = outcome_of_error(error)
    assert Outcome.model_validate_json(kept.model_dump_json()).status is kept.status


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_an_error_that_cannot_tell_of_itself_ends_its_item_all_the_same():
    assert outcome_of_error(Mute()).label() == "aborted(internal)"


@pytest.mark.parametrize("status", Status)
def test_a_resume_leaves_alone_what_is_settled(status):
    left = {Status.COMPLETED, Status.PARTIAL, Status.ESCALATED, Status.FAILED}
    assert Outcome(status=status).is_settled() == (status in left)


def test_a_label_without_reason_is_the_status():
    assert Outcome(status=Status.COMPLETED).label() == "completed"


def test_an_outcome_survives_writing_and_reading():
    outcome = outcome_of_error(ValueError("x")).with_(attempt=3, cost_usd=0.5)
    assert Outcome.model_validate(json.loads(outcome.model_dump_json())) == outcome
