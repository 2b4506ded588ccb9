"""One signal asks for the end, a second one ends at once; a wish that came otherwise is no signal."""

from __future__ import annotations

import os
import signal

import pytest

from nightwork import stop
from nightwork.errors import Stopped


def test_the_first_signal_is_a_wish_and_the_second_ends_at_once() -> None:
    with stop.on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped, match="SIGINT"):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert not stop.is_requested()


def test_the_signal_of_a_worker_after_a_cancellation_cuts_nothing_off() -> None:
    with stop.on_signals():
        stop.request("a cancellation in the Prefect UI")
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped, match="a cancellation in the Prefect UI"):
            stop.check()


def test_the_next_run_of_a_process_knows_nothing_of_the_signal_before() -> None:
    for _ in range(2):
        with stop.on_signals():
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.is_requested()
