"""Work on both halves of a list at once, each in a process of its own."""

from __future__ import annotations

import selectors
import subprocess
import sys
import threading

from nightwork.sandbox.forked import is_worth_it, mapped

# In a process of its own: pytest has threads.
ALONE = """
import os, signal, sys, time
from nightwork import stop
from nightwork.errors import Stopped
from nightwork.sandbox.forked import is_worth_it, mapped
me = os.getpid()
def work(number):
    if sys.argv[1] == "dies" and os.getpid() != me and number > 100:
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] in ("slow", "stops"):
        time.sleep(0.05)
        stop.check()
    if sys.argv[1] == "slow" and number == 10:
        os.kill(me, signal.SIGKILL)
    if sys.argv[1] == "stops" and number == 10:
        signal.raise_signal(signal.SIGTERM)
    if sys.argv[1] == "fails" and number == 150:
        raise ValueError(number)
    return number * 2, os.getpid()
assert is_worth_it(201) or sys.argv[1] == "one core"
try:
    with stop.on_signals():
        done = mapped(work, range(201))
except Stopped:
    done = None
except ValueError as error:
    print("raised", error.args[0])
    sys.exit()
if done is None:
    print("stopped")
else:
    assert [value for value, _ in done] == [number * 2 for number in range(201)], done
    print(len({process for _, process in done}))
try:
    os.waitpid(-1, os.WNOHANG)
    print("a child is left")
except ChildProcessError:
    pass
"""


def alone(how: str) -> str:
    done = subprocess.run([sys.executable, "-c", ALONE, how], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_both_halves_are_done_in_their_order_by_two_processes():
    assert alone("fine") == "2"


def test_what_a_fork_was_to_do_is_done_here_when_it_dies():
    assert alone("dies") == "1"


def test_what_fails_in_either_half_is_raised_here():
    assert alone("fails") == "raised 150"


def test_a_stop_ends_the_fork_too():
    assert alone("stops") == "stopped"


def test_a_fork_ends_when_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", ALONE, "slow"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(parent.stdout, selectors.EVENT_READ)
            parent.wait()
            assert selector.select(3), "the fork still holds what it has inherited"


def test_a_process_with_threads_is_never_forked():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert not is_worth_it(1000)
        assert mapped(lambda number: number + 1, range(300)) == list(range(1, 301))
    finally:
        end.set()
        thread.join()
