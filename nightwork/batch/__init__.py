"""A batch on disk: the folder `.nightwork/batches/<id>/` of the target repository.

`.nightwork/` ignores itself, so that the user's `git status` never shows it.
"""

from nightwork.batch.find import (
    batches,
    check_batch_id,
    check_disk,
    find_batch,
    free_id,
    newest,
    newest_with,
    open_batch,
    start_batch,
)
from nightwork.batch.folder import Batch, TicketRef
from nightwork.batch.history import expectation
from nightwork.batch.records import Attempt, Carried, Continued, Earlier, EscalationRecord, Intake, Unready

__all__ = [
    "Attempt",
    "Batch",
    "Carried",
    "Continued",
    "Earlier",
    "EscalationRecord",
    "Intake",
    "TicketRef",
    "Unready",
    "batches",
    "check_batch_id",
    "check_disk",
    "expectation",
    "find_batch",
    "free_id",
    "newest",
    "newest_with",
    "open_batch",
    "start_batch",
]
