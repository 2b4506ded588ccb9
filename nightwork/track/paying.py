"""Which models write and review, and what their calls cost: on the ledger of the repository, once for each run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from nightwork.database import place_of
from nightwork.errors import bad_input
from nightwork.ledger import Ledger, Limits
from nightwork.llm import Model, open_model
from nightwork.llm.metered import Account, Metered
from nightwork.llm.providers import open_account
from nightwork.settings import Settings
from nightwork.workspace import Repository


@dataclass(frozen=True)
class Models:
    """Who writes and who reviews; `account` is None when neither costs anything."""

    writer: Model
    reviewer: Model
    account: Account | None

    def spent_usd(self, module: str | None = None) -> float:
        """Return what the run has spent, or one module's part of it."""
        return self.account.ledger.spent_usd(self.account.batch, module) if self.account else 0.0


def check_models(root: Path, settings: Settings) -> tuple[Model, Model]:
    """Return the models that write and review, not paid for yet; raises BadInput for one that cannot be used."""
    tracks = settings.tracks
    if not tracks.model:
        raise bad_input(
            "tracks.model", "is not set; set it, or give --model: claude-..., or scripted:FILE to try things out"
        )
    agent = settings.agent.model_copy(update={"max_output_tokens": tracks.max_output_tokens})
    writer = open_model(tracks.model, root, agent, settings.prices, "tracks.model")
    if not tracks.reviewer or tracks.reviewer == tracks.model:
        return writer, writer
    return writer, open_model(tracks.reviewer, root, agent, settings.prices, "tracks.reviewer")


def open_models(root: Path, settings: Settings, run_id: str, parallel: int) -> Models:
    """Return the models of a run, whose calls are reserved, waited for and tried again; for whoever holds the lock.

    Raises BadInput as `check_models` does.
    """
    writer, reviewer = check_models(root, settings)
    if writer.provider is None and reviewer.provider is None:
        return Models(writer, reviewer, None)
    place = place_of(settings.database, "ledger", root / ".nightwork" / "ledger.sqlite", Repository(root).identity)
    account = open_account(
        Ledger(place),
        run_id,
        Limits(None, settings.tracks.budget_usd),
        settings,
        since=time.time(),
        parallel=parallel,
        max_retries=settings.tracks.max_retries,
    )
    account.ledger.close_leftovers()
    return Models(_paid(writer, account), _paid(reviewer, account), account)


def _paid(model: Model, account: Account) -> Model:
    return Metered(model, model.provider, account) if model.provider else model
