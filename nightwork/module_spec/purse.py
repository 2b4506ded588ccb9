"""Which model writes, and what its calls cost: a ledger beside the specs, and the breakers that the machine shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightwork.database import Place, place_of
from nightwork.ledger import Ledger, Limits, Line
from nightwork.llm import Model, open_model
from nightwork.llm.journal import reserved_numbers
from nightwork.llm.metered import Account, Metered
from nightwork.llm.providers import open_account
from nightwork.markdown import storable
from nightwork.module_spec.source.units import SPECS
from nightwork.settings import Settings
from nightwork.spec_settings import NO_MODEL
from nightwork.workspace import Repository

if TYPE_CHECKING:
    from nightwork.llm.sending import Sendings

# Ignores itself: the run lock, the ledger, what a Message Batch was sent for.
STATE = f"{SPECS}/.state"


def model_of(root: Path, settings: Settings) -> Model:
    """Return the model that writes; raises BadInput for one that nobody knows or has a price of, or for no key."""
    agent = settings.agent.model_copy(update={"max_output_tokens": settings.specs.max_output_tokens})
    return open_model(settings.specs.model, root, agent, settings.prices, "specs.model")


def _place(root: Path, database: str) -> Place:
    return place_of(database, "specs", root / STATE / "ledger.sqlite", Repository(root).identity)


@dataclass(frozen=True)
class Purse:
    """What writes, and what it has spent; without a model, nothing."""

    run_id: str
    model: Model | None = None
    account: Account | None = None
    sendings: Sendings | None = None

    @classmethod
    def of(cls, root: Path, settings: Settings, run_id: str, since: float) -> Purse:
        """Return the purse of a run, which is the same one when the run is resumed; `since` is when it began anew.

        Raises BadInput as `model_of` does.
        """
        if settings.specs.model == NO_MODEL:
            return cls(run_id)
        model = model_of(root, settings)
        if model.provider is None:
            return cls(run_id, model)
        from nightwork.llm.batches import MessageBatches  # the client costs a second to import; a script needs none
        from nightwork.llm.claude import ClaudeModel
        from nightwork.llm.sending import Sendings

        specs = settings.specs
        account = open_account(
            Ledger(_place(root, settings.database)),
            run_id,
            Limits(None, specs.budget_usd),
            settings,
            since=since,
            parallel=specs.parallel,
            max_retries=specs.max_retries,
        )
        folder = root / STATE / "sent"
        account.ledger.close_leftovers(reserved_numbers(folder, account.ledger))
        paid = Metered(model, model.provider, account)
        sendings = Sendings(folder, MessageBatches(model), paid, account) if isinstance(model, ClaudeModel) else None
        return cls(run_id, paid, account, sendings)

    def spent_usd(self, unit: str | None = None) -> float:
        """Return what the run has spent, or one module's part of it."""
        unit = storable(unit) if unit else None
        return self.account.ledger.spent_usd(self.run_id, unit) if self.account else 0.0

    def lines(self) -> list[Line]:
        """Return what the run has spent by module."""
        return self.account.ledger.lines(self.run_id) if self.account else []
