"""One module under way, as the engine sees it: what a task returns is written by the thread that waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nightwork.engine import Future
from nightwork.ledger import OverBudget
from nightwork.module_spec.job import Ref
from nightwork.module_spec.run import Degraded, Run
from nightwork.outcome import Outcome, Reason, Status


class Step:
    """A module whose answer is on its way; its result writes the spec."""

    def __init__(self, run: Run, ref: Ref, submit: Callable[[Ref], Future]) -> None:
        self._run = run
        self._ref = ref
        self._answer = submit(ref)

    def add_done_callback(self, function: Callable[[Any], None], /) -> object:
        """Call `function` once when the answer is there."""
        return self._answer.add_done_callback(function)

    def result(self) -> Outcome:
        """Write the spec, from the syntax tree alone when the model gave nothing that can be used."""
        try:
            answer = self._answer.result()
        except Degraded as error:
            return self._run.write(self._ref, None, str(error.args[1]))
        except OverBudget as error:
            return Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=str(error))
        return self._run.write(self._ref, answer)


class Ended:
    """Something about which nothing is left to do."""

    def __init__(self, came_of_it: Any) -> None:
        self._came_of_it = came_of_it

    def add_done_callback(self, function: Callable[[Any], None], /) -> object:
        """Call `function` at once."""
        function(self)
        return None

    def result(self) -> Any:
        """Return what came of it."""
        return self._came_of_it
