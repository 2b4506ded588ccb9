"""What needs a person before it is worked on, or before it is on a branch: decided by rules, never by a model.

Deny by default: what cannot be read, or is too large to be searched, is held.
"""

from nightwork.policy.ask import APPROVING, LEAVE_OUT, REWORK, before_publishing, before_work
from nightwork.policy.held import Held, Said, Standing
from nightwork.policy.paths import held_paths
from nightwork.policy.secrets import held_secrets
from nightwork.policy.triggers import held_by_change, held_by_plan, held_by_scope

__all__ = [
    "APPROVING",
    "LEAVE_OUT",
    "REWORK",
    "Held",
    "Said",
    "Standing",
    "before_publishing",
    "before_work",
    "held_by_change",
    "held_by_plan",
    "held_by_scope",
    "held_paths",
    "held_secrets",
]
